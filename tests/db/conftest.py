"""A migrated database per test, and journals on it."""

from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from ibgu.db import Journal, engine

HUB = "hub-1"


@pytest.fixture
async def db(database_url: str) -> AsyncIterator[AsyncEngine]:
    pool = engine(database_url)
    yield pool
    await pool.dispose()


@pytest.fixture
def leading(db: AsyncEngine) -> Callable[..., Coroutine[Any, Any, Journal]]:
    """`await leading()` is a journal that has just taken the lead."""

    async def lead(holder: str = "ibgu-0", hub: str = HUB) -> Journal:
        journal = Journal(db, hub)
        await journal.lead(holder)
        return journal

    return lead


@pytest.fixture
async def journal(leading: Callable[..., Coroutine[Any, Any, Journal]]) -> Journal:
    return await leading()

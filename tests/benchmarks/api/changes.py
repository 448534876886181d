"""A leader that changes members of a running step, so many times a second."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime

from msgspec.structs import replace
from sqlalchemy.ext.asyncio import AsyncEngine

from ibgu.db import Changeset, Journal

OF_A_MEMBER = 9
"""Events of one that ends, and of the one that takes its slot (`Going`)."""


async def change(
    engine: AsyncEngine, hub: str, turns: Sequence[Changeset], turns_a_second: float
) -> None:
    """Changes the journal by the clock, as long as Postgres keeps up; each turn is recorded as of
    its commit."""
    journal = Journal(engine, hub)
    await journal.lead("bench")
    clock = asyncio.get_running_loop().time
    began = clock()
    for number, turn in enumerate(turns):
        await asyncio.sleep(max(0.0, began + number / turns_a_second - clock()))
        lost = await journal.commit(replace(turn, at=datetime.now(UTC)))
        assert not lost, lost

"""Provides what all reads share: one moment, one hub, counts."""

from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Integer, Text, func, literal, select, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from ibgu.db.engine import at_one_moment
from ibgu.db.errors import unavailable_from
from ibgu.db.reads.tallies import CountCache
from ibgu.db.schema import hubs


class Base:
    """Base is the base of all reads of one hub; they need no leader and never write."""

    def __init__(self, engine: AsyncEngine, hub: str, tallies: CountCache | None = None) -> None:
        """`tallies`: counts of the same hub that others have made already."""
        self._engine = engine
        self.hub = hub
        self._tallies = tallies or CountCache()

    @asynccontextmanager
    async def _at_one_moment(self) -> AsyncIterator[AsyncConnection]:
        with unavailable_from("reading"):
            async with at_one_moment(self._engine) as db:
                yield db

    async def _seq(self, db: AsyncConnection) -> int:
        """Returns the number of the hub's newest event; 0 before the first."""
        return await db.scalar(select(hubs.c.last_seq).where(hubs.c.id == self.hub)) or 0

    async def _now(self, db: AsyncConnection) -> datetime:
        """Returns the database's time at the moment that `db` sees."""
        now: datetime = (await db.execute(select(func.now()))).scalar_one()
        return now


READ_AHEAD = 32
"""Pages that a bitmap scan asks the disk for at once. Postgres before 18 asks for one by default,
and a page of a cluster's steps then takes five times as long where a read takes 1 ms."""


async def reading_ahead(db: AsyncConnection) -> None:
    """Turns index scans off for the rest of the transaction, in favour of bitmap scans.

    Each of a cluster's rows lies on a page of its own: a bitmap scan asks the disk for many of them
    at once, an index scan for one after the other.
    """
    await db.execute(text("SET LOCAL enable_indexscan = off"))
    await db.execute(select(func.set_config("effective_io_concurrency", str(READ_AHEAD), True)))


def integers(values: Collection[int]) -> ColumnElement[Any]:
    return literal(list(values), ARRAY(Integer))


def texts(values: Collection[str]) -> ColumnElement[Any]:
    return literal(list(values), ARRAY(Text))

"""Streams the event log of one hub."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from ibgu.db.engine import at_one_moment
from ibgu.db.errors import unavailable_from
from ibgu.db.rows import fields, to_record
from ibgu.db.schema import events, leaders, rollout_policies
from tests.oracle import Event, Leader, PolicyVersion

BATCH = 1000
"""Rows fetched at a time."""
_OF_EVENT = fields(events, Event)
_GAPS = text("""
    SELECT before + 1, seq - 1 FROM (
      SELECT seq, lag(seq) OVER (ORDER BY seq) AS before FROM events
      WHERE hub = :hub AND seq >= :first
    ) AS numbers WHERE seq > before + 1 ORDER BY seq LIMIT 20
""")


class EventLog:
    """EventLog reads one hub's events as of one moment."""

    def __init__(self, db: AsyncConnection, hub: str) -> None:
        self._db = db
        self._hub = hub

    async def leaders(self) -> Sequence[Leader]:
        statement = select(*fields(leaders, Leader)).where(leaders.c.hub == self._hub)
        rows = (await self._db.execute(statement.order_by(leaders.c.epoch))).mappings()
        return [to_record(row, Leader) for row in rows]

    async def policies(self) -> Sequence[PolicyVersion]:
        """Returns all versions of the hub's RolloutPolicies, also those that are gone."""
        statement = select(*fields(rollout_policies, PolicyVersion)).where(
            rollout_policies.c.hub == self._hub
        )
        rows = (await self._db.execute(statement)).mappings()
        return [to_record(row, PolicyVersion) for row in rows]

    async def gaps(self, first: int) -> list[tuple[int, int]]:
        """Returns the first and last numbers of gaps after `first`; at most 20 gaps."""
        rows = await self._db.execute(_GAPS, {"hub": self._hub, "first": first})
        return [(before, after) for before, after in rows]

    async def everything(self) -> AsyncIterator[Event]:
        statement = select(*_OF_EVENT).where(events.c.hub == self._hub).order_by(events.c.seq)
        rows = await self._db.stream(statement, execution_options={"yield_per": BATCH})
        async for row in rows.mappings():
            yield to_record(row, Event)


@asynccontextmanager
async def event_log(engine: AsyncEngine, hub: str) -> AsyncIterator[EventLog]:
    """Raises JournalUnavailable."""
    with unavailable_from("reading the event log"):
        async with at_one_moment(engine) as db:
            yield EventLog(db, hub)

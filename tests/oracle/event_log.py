"""Streams the event log of one rollout, and of others where they touch its clusters."""

from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

from msgspec import Struct
from sqlalchemy import ColumnElement, RowMapping, Select, and_, func, or_, select, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from ibgu.core.model import Rollout
from ibgu.db.engine import at_one_moment
from ibgu.db.errors import unavailable_from
from ibgu.db.rows import OF_ROLLOUT, fields, to_record
from ibgu.db.schema import events, hubs, leaders, rollout_policies, rollouts
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


class LoggedRollout(Struct, frozen=True):
    """LoggedRollout is a rollout of that name, on any hub."""

    hub: str
    hub_name: str
    rollout: Rollout


async def named(
    engine: AsyncEngine, namespace: str = "", name: str = ""
) -> tuple[LoggedRollout, ...]:
    """Returns the rollouts of that name, newest first; empty: of every namespace, or of every
    name. Raises JournalUnavailable."""
    given = ((rollouts.c.namespace, namespace), (rollouts.c.name, name))
    statement = (
        select(*OF_ROLLOUT, rollouts.c.hub.label("of_hub"), hubs.c.name.label("hub_name"))
        .join(hubs, hubs.c.id == rollouts.c.hub)
        .where(*(column == value for column, value in given if value))
        .order_by(rollouts.c.created_at.desc(), rollouts.c.uid.desc())
    )
    with unavailable_from("looking for the rollout"):
        async with engine.connect() as db:
            rows = (await db.execute(statement)).mappings().all()
    return tuple(
        LoggedRollout(row["of_hub"], row["hub_name"], to_record(row, Rollout)) for row in rows
    )


async def names_in(engine: AsyncEngine, namespace: str, hub: str, limit: int) -> tuple[str, ...]:
    """Returns the names of the namespace's newest rollouts; `hub`: a uid or name, or empty for all.
    Raises JournalUnavailable."""
    statement = select(rollouts.c.name).join(hubs, hubs.c.id == rollouts.c.hub)
    statement = statement.where(rollouts.c.namespace == namespace)
    if hub:
        statement = statement.where((hubs.c.id == hub) | (hubs.c.name == hub))
    statement = statement.order_by(rollouts.c.created_at.desc(), rollouts.c.uid.desc())
    with unavailable_from("looking for the rollout"):
        async with engine.connect() as db:
            return tuple(await db.scalars(statement.limit(limit)))


class EventLog:
    """EventLog reads one hub's events as of one moment."""

    def __init__(self, db: AsyncConnection, hub: str) -> None:
        self._db = db
        self._hub = hub

    async def now(self) -> datetime:
        now: datetime = (await self._db.execute(select(func.now()))).scalar_one()
        return now

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

    def everything(self) -> AsyncIterator[Event]:
        return self._stream(select(*_OF_EVENT).where(events.c.hub == self._hub))

    def of(self, rollout: str) -> AsyncIterator[Event]:
        return self._stream(
            select(*_OF_EVENT).where(events.c.hub == self._hub, events.c.rollout == rollout)
        )

    def around(self, rollout: str) -> AsyncIterator[Event]:
        """Yields the rollout's events, and those of other rollouts about its clusters or about
        themselves."""
        wanted = self._near(rollout)
        return self._stream(select(*_OF_EVENT).where(events.c.hub == self._hub, wanted))

    async def beside(
        self, rollout: str, kinds: Collection[str]
    ) -> AsyncIterator[tuple[Event, bool]]:
        """Yields the same events with True, and those of these kinds of other rollouts with
        False."""
        near = func.coalesce(self._near(rollout), False).label("near")
        wanted = or_(near, events.c.kind.in_(sorted(kinds)))
        statement = select(*_OF_EVENT, near).where(events.c.hub == self._hub, wanted)
        async for row in self._rows(statement):
            yield to_record(row, Event), row["near"]

    def _near(self, rollout: str) -> ColumnElement[bool]:
        mine = self._clusters(rollout)
        others = (
            select(events.c.rollout)
            .where(events.c.hub == self._hub, events.c.cluster.in_(mine))
            .distinct()
        )
        about_them = and_(events.c.cluster.is_(None), events.c.rollout.in_(others))
        return or_(events.c.rollout == rollout, events.c.cluster.in_(mine), about_them)

    def _clusters(self, rollout: str) -> Select[Any]:
        its: tuple[ColumnElement[bool], ...] = (
            events.c.hub == self._hub,
            events.c.rollout == rollout,
            events.c.cluster.is_not(None),
        )
        return select(events.c.cluster).where(*its).distinct()

    async def _stream(self, statement: Select[Any]) -> AsyncIterator[Event]:
        async for row in self._rows(statement):
            yield to_record(row, Event)

    async def _rows(self, statement: Select[Any]) -> AsyncIterator[RowMapping]:
        options = {"yield_per": BATCH}
        found = await self._db.stream(statement.order_by(events.c.seq), execution_options=options)
        async for row in found.mappings():
            yield row


@asynccontextmanager
async def event_log(engine: AsyncEngine, hub: str) -> AsyncIterator[EventLog]:
    """Raises JournalUnavailable."""
    with unavailable_from("reading the event log"):
        async with at_one_moment(engine) as db:
            yield EventLog(db, hub)

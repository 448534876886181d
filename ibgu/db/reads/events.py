"""Reads the history, event by event."""

from collections.abc import Collection
from typing import Any

from msgspec import json
from sqlalchemy import Select, any_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from ibgu.db.reads.base import Base, reading_ahead, texts
from ibgu.db.reads.cursor import decode, page
from ibgu.db.rows import fields, to_record
from ibgu.db.schema import events, rollouts
from ibgu.db.views import EventRow, Page

PAGE_BYTES = 1 << 20
"""The most bytes of messages and data in a page; a page with more ends earlier than asked for."""


class EventReads(Base):
    async def events(
        self, rollout: str, *, after: int = 0, limit: int = 100, cursor: str | None = None
    ) -> Page[EventRow]:
        """Returns a rollout's events, oldest first; `after`: only those with a higher number."""
        begin = after if cursor is None else decode(cursor, int)
        statement = self._events().where(events.c.rollout == rollout, events.c.seq > begin)
        async with self._at_one_moment() as db:
            return await self._page(db, statement.order_by(events.c.seq).limit(limit + 1), limit)

    async def activity(
        self, rollout: str, *, limit: int = 100, cursor: str | None = None
    ) -> Page[EventRow]:
        """Returns the events of a rollout and its steps, newest first, without those of its
        clusters."""
        its = (events.c.rollout == rollout, events.c.cluster.is_(None))
        statement = self._events().where(*its)
        if cursor is not None:
            statement = statement.where(events.c.seq < decode(cursor, int))
        statement = statement.order_by(events.c.seq.desc()).limit(limit + 1)
        async with self._at_one_moment() as db:
            return await self._page(db, statement, limit)

    async def cluster_events(
        self, cluster: str, *, limit: int = 100, cursor: str | None = None
    ) -> Page[EventRow]:
        """Returns the events of every rollout that touched a cluster of that name, newest first."""
        newest_first = events.c.seq.desc()
        its: Select[Any] = select(events.c.seq).order_by(newest_first).limit(limit + 1)
        its = its.where(events.c.hub == self.hub, events.c.cluster == cluster)
        if cursor is not None:
            its = its.where(events.c.seq < decode(cursor, int))
        async with self._at_one_moment() as db:
            seqs = (await db.execute(its)).scalars().all()
            if not seqs:
                return Page((), None)
            await reading_ahead(db)
            found = self._events().where(events.c.cluster == cluster)
            found = found.where(events.c.seq.between(seqs[-1], seqs[0])).order_by(newest_first)
            return await self._page(db, found, limit)

    async def events_after(
        self,
        after: int,
        *,
        until: int | None = None,
        rollout: str | None = None,
        namespaces: Collection[str] | None = None,
        limit: int = 500,
    ) -> Page[EventRow]:
        """Returns the events with a higher number than `after`, in the order of commit; None: of
        all rollouts, of all namespaces. `until`: the number of the last one to read."""
        statement = self._events().where(events.c.seq > after)
        if until is not None:
            statement = statement.where(events.c.seq <= until)
        if rollout is not None:
            statement = statement.where(events.c.rollout == rollout)
        if namespaces is not None:
            theirs = select(rollouts.c.uid).where(
                rollouts.c.hub == self.hub, rollouts.c.namespace == any_(texts(namespaces))
            )
            statement = statement.where(events.c.rollout.in_(theirs))
        async with self._at_one_moment() as db:
            return await self._page(db, statement.order_by(events.c.seq).limit(limit + 1), limit)

    async def namespaces_of(self, uids: Collection[str]) -> dict[str, str]:
        """Returns namespaces by uid, without unknown uids."""
        statement = select(rollouts.c.uid, rollouts.c.namespace).where(
            rollouts.c.hub == self.hub, rollouts.c.uid == any_(texts(uids))
        )
        async with self._at_one_moment() as db:
            return {row.uid: row.namespace for row in await db.execute(statement)}

    async def last_seq(self) -> int:
        """Returns the number of the hub's newest event; 0 before the first."""
        async with self._at_one_moment() as db:
            return await self._seq(db)

    def _events(self) -> Select[Any]:
        return select(*fields(events, EventRow)).where(events.c.hub == self.hub)

    async def _page(
        self, db: AsyncConnection, statement: Select[Any], limit: int
    ) -> Page[EventRow]:
        """Returns a page of at most `limit` events and PAGE_BYTES, and of at least one event."""
        found: list[EventRow] = []
        size = 0
        rows = await db.stream(statement)
        async for row in rows.mappings():
            found.append(to_record(row, EventRow))
            size += len(found[-1].why) + len(json.encode(found[-1].data))
            if size > PAGE_BYTES and len(found) > 1:
                limit = min(limit, len(found) - 1)
                break
        await rows.close()
        return page(found, limit, lambda event: event.seq)

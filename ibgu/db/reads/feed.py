"""Reads the events of a whole hub in order, for those who follow them."""

from collections.abc import Collection
from datetime import datetime

from msgspec import Struct
from sqlalchemy import and_, any_, func, select

from ibgu.core.model import RolloutState
from ibgu.core.notify import RolloutEvent
from ibgu.db.reads.base import Base, texts
from ibgu.db.rows import fields, to_record
from ibgu.db.schema import events, hubs, rollouts


class FactPage(Struct, frozen=True):
    facts: tuple[RolloutEvent, ...]
    upto: int
    """The number of the last event that was read; those of other kinds are not in `facts`."""
    more: bool
    now: datetime
    """The time by the database's clock."""


class FeedReads(Base):
    async def feed(self, after: int, kinds: Collection[str], limit: int = 500) -> FactPage:
        """Returns events of these kinds with a number above `after`, oldest first."""
        newest = select(hubs.c.last_seq, func.now().label("now")).where(hubs.c.id == self.hub)
        its_rollout = and_(rollouts.c.hub == events.c.hub, rollouts.c.uid == events.c.rollout)
        statement = (
            select(*fields(events, RolloutEvent), rollouts.c.namespace, rollouts.c.name)
            .join(rollouts, its_rollout)
            .where(events.c.hub == self.hub, events.c.seq > after)
            .where(events.c.kind == any_(texts(kinds)))
            .order_by(events.c.seq)
            .limit(limit)
        )
        async with self._at_one_moment() as db:
            last_seq, now = (await db.execute(newest)).one()
            rows = (await db.execute(statement)).mappings()
            facts = tuple(to_record(row, RolloutEvent) for row in rows)
        more = len(facts) == limit
        return FactPage(facts, facts[-1].seq if more else last_seq, more, now)

    async def first_unfinished(self) -> int:
        """Returns the number of the first event of all unfinished rollouts; 0 if there are none."""
        going_on = [RolloutState.PENDING.value, RolloutState.RUNNING.value]
        its_first = (
            select(func.min(events.c.seq))
            .where(events.c.hub == rollouts.c.hub, events.c.rollout == rollouts.c.uid)
            .scalar_subquery()
        )
        statement = select(func.min(its_first)).where(
            rollouts.c.hub == self.hub, rollouts.c.state.in_(going_on)
        )
        async with self._at_one_moment() as db:
            return await db.scalar(statement) or 0

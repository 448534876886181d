"""Failed members, by the words with which they failed."""

from sqlalchemy import Text, func, select
from sqlalchemy.dialects.postgresql import ARRAY, aggregate_order_by
from sqlalchemy.ext.asyncio import AsyncConnection

from ibgu.core.kinds import LabelSelector
from ibgu.core.model import MemberState, Outcome
from ibgu.db.reads.base import Base
from ibgu.db.reads.labelled import matching
from ibgu.db.rows import to_record
from ibgu.db.schema import members
from ibgu.db.views import FailedRow

NAMED = 10
"""How many clusters a group of failures names."""


class GroupReads(Base):
    async def failed(self, uid: str, step: int | None = None) -> tuple[FailedRow, ...]:
        """By the cluster's own words: what they mean is known to the core only. A cluster that
        has completed its action late has not failed."""
        async with self._at_one_moment() as db:
            return await self._failed(db, uid, step)

    async def _failed(
        self,
        db: AsyncConnection,
        uid: str,
        step: int | None,
        label: LabelSelector | None = None,
    ) -> tuple[FailedRow, ...]:
        group = (
            members.c.step,
            members.c.failed_action,
            members.c.outcome,
            members.c.cause,
            members.c.message,
        )
        clusters = func.array_agg(
            aggregate_order_by(members.c.cluster, members.c.position), type_=ARRAY(Text)
        )
        statement = (
            select(
                *group,
                members.c.failed_action.label("action"),
                func.count().label("count"),
                clusters[1:NAMED].label("clusters"),
            )
            .where(
                members.c.hub == self.hub,
                members.c.rollout == uid,
                members.c.state == MemberState.FINISHED.value,
                members.c.outcome == Outcome.FAILED.value,
                members.c.late == "",
            )
            .group_by(*group)
            .order_by(members.c.step, func.min(members.c.position))
        )
        if step is not None:
            statement = statement.where(members.c.step == step)
        if label is not None:
            statement = statement.where(matching(self.hub, members.c.cluster, label))
        rows = (await db.execute(statement)).mappings()
        return tuple(to_record(row, FailedRow) for row in rows)

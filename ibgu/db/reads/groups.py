"""Groups failed members by their messages."""

from collections.abc import Collection, Mapping
from typing import Any

from msgspec.structs import replace
from sqlalchemy import Select, Text, and_, any_, func, or_, select
from sqlalchemy.dialects.postgresql import ARRAY, aggregate_order_by
from sqlalchemy.ext.asyncio import AsyncConnection

from ibgu.core.drivers import every_action
from ibgu.core.model import MemberState, Outcome
from ibgu.db.reads.base import Base, texts
from ibgu.db.reads.shown import ITS_STEP
from ibgu.db.rows import to_record
from ibgu.db.schema import members, steps
from ibgu.db.views import FailedRow

SUCCEEDED = or_(members.c.outcome == Outcome.SUCCEEDED.value, members.c.late != "")
"""The condition of members whose step succeeded, late ones included."""
NAMED = 10
"""The most clusters that a group of failures names."""


class GroupReads(Base):
    async def failed(self, uid: str, step: int | None = None) -> tuple[FailedRow, ...]:
        """Returns the failures by the cluster's own message, which only the core can interpret. A
        cluster that has completed its action late has not failed."""
        async with self._at_one_moment() as db:
            return await self._failed(db, uid, step)

    async def _failed(
        self,
        db: AsyncConnection,
        uid: str,
        step: int | None,
        clusters: Collection[str] | None = None,
    ) -> tuple[FailedRow, ...]:
        """Groups failures; `clusters`: only of these."""
        statement = self._by_message(uid, step, NAMED)
        if clusters is not None:
            statement = statement.where(members.c.cluster == any_(texts(clusters)))
        rows = (await db.execute(statement)).mappings()
        found = [to_record(row, FailedRow) for row in rows]
        named = {name for row in found for name in row.clusters}
        aborted = await self._aborted(db, uid, named)
        elsewhere = await self._aborted_elsewhere(db, uid, named)
        return tuple(_with_aborted(row, aborted, elsewhere) for row in found)

    def _by_message(self, uid: str, step: int | None, named: int | None) -> Select[Any]:
        """Selects failures by message; `named`: with so many clusters at most."""
        group = (
            members.c.step,
            members.c.failed_action,
            members.c.outcome,
            members.c.cause,
            members.c.message,
        )
        names = func.array_agg(
            aggregate_order_by(members.c.cluster, members.c.position), type_=ARRAY(Text)
        )
        statement = (
            select(
                *group,
                members.c.failed_action.label("action"),
                func.count().label("count"),
                (names if named is None else names[1:named]).label("clusters"),
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
        return statement

    async def _aborted(
        self, db: AsyncConnection, uid: str, clusters: Collection[str]
    ) -> dict[str, int]:
        """Returns the newest step that took each of the clusters back to Idle, if any did."""
        if not clusters:
            return {}
        statement = (
            select(members.c.cluster, func.max(members.c.step).label("step"))
            .join(steps, ITS_STEP)
            .where(members.c.hub == self.hub, members.c.rollout == uid, SUCCEEDED)
            .where(members.c.cluster == any_(texts(clusters)))
            .where(steps.c.actions[1] == any_(texts(every_action(lambda action: action.aborts))))
            .group_by(members.c.cluster)
        )
        return {row.cluster: row.step for row in await db.execute(statement)}

    async def _aborted_elsewhere(
        self, db: AsyncConnection, uid: str, clusters: Collection[str]
    ) -> dict[str, int]:
        """Returns the newest step in which each of the clusters had failed when another rollout,
        older or newer, took it back to Idle."""
        if not clusters:
            return {}
        lost = members.alias()
        statement = (
            select(lost.c.cluster, func.max(lost.c.step).label("step"))
            .join(members, and_(members.c.hub == lost.c.hub, members.c.cluster == lost.c.cluster))
            .join(steps, ITS_STEP)
            .where(lost.c.hub == self.hub, lost.c.rollout == uid)
            .where(lost.c.cluster == any_(texts(clusters)))
            .where(members.c.rollout != uid, members.c.ended_at > lost.c.ended_at)
            .where(SUCCEEDED)
            .where(steps.c.actions[1] == any_(texts(every_action(lambda action: action.aborts))))
            .group_by(lost.c.cluster)
        )
        return {row.cluster: row.step for row in await db.execute(statement)}


def _with_aborted(
    row: FailedRow, aborted: Mapping[str, int], elsewhere: Mapping[str, int]
) -> FailedRow:
    """Adds the clusters that were taken back to Idle after they had failed in this step."""
    names = (
        name
        for name in row.clusters
        if aborted.get(name, row.step) > row.step or elsewhere.get(name, -1) >= row.step
    )
    return replace(row, aborted=frozenset(names))

"""Members: those of a rollout, and those that a cluster was."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Select, and_, case, func, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from ibgu.core.model import Cause, MemberState, Outcome, Run
from ibgu.db.reads.base import Base
from ibgu.db.reads.cursor import decode, page
from ibgu.db.rows import NEWEST_RUN, OF_MEMBER_AND_RUN, OF_RUN, to_member, to_record
from ibgu.db.schema import members, rollouts, runs, steps
from ibgu.db.views import MemberRow, Page, VisitRow

_ITS_STEP = and_(
    steps.c.hub == members.c.hub,
    steps.c.rollout == members.c.rollout,
    steps.c.index == members.c.step,
)
_ITS_ROLLOUT = and_(rollouts.c.hub == members.c.hub, rollouts.c.uid == members.c.rollout)
_ACTION = case(
    (members.c.state != MemberState.FINISHED.value, steps.c.actions[members.c.action_index + 1])
)
_EXTRA = (
    rollouts.c.namespace.label("of_namespace"),
    rollouts.c.name.label("of_name"),
    _ACTION.label("current_action"),
    func.coalesce(rollouts.c.hold, steps.c.hold).label("held"),
    func.now().label("now"),
)


class MemberReads(Base):
    async def members(
        self,
        uid: str,
        *,
        step: int | None = None,
        state: MemberState | None = None,
        outcome: Outcome | None = None,
        cause: Cause | None = None,
        prefix: str = "",
        clusters: Sequence[str] | None = None,
        limit: int = 100,
        cursor: str | None = None,
    ) -> Page[MemberRow]:
        """In the order of steps and positions; `prefix` of names, `clusters`: whole names."""
        statement = self._members().where(members.c.rollout == uid)
        asked = {
            members.c.step: step,
            members.c.state: state and state.value,
            members.c.outcome: outcome and outcome.value,
            members.c.cause: cause and cause.value,
        }
        statement = statement.where(
            *(column == value for column, value in asked.items() if value is not None)
        )
        if prefix:
            statement = statement.where(members.c.cluster.startswith(prefix, autoescape=True))
        if clusters is not None:
            statement = statement.where(members.c.cluster.in_(clusters))
        place = tuple_(members.c.step, members.c.position)
        if cursor is not None:
            statement = statement.where(place > decode(cursor, tuple[int, int]))
        statement = statement.order_by(members.c.step, members.c.position).limit(limit + 1)
        async with self._at_one_moment() as db:
            found = [_row(row) for row in await db.execute(statement)]
        return page(found, limit, lambda row: (row.member.step, row.member.position))

    async def visits(
        self,
        cluster: str,
        *,
        rollout: str | None = None,
        limit: int = 20,
        cursor: str | None = None,
    ) -> Page[VisitRow]:
        """The steps that a cluster of that name was in, newest first; `rollout` is a uid."""
        statement = self._members().add_columns(rollouts.c.created_at.label("age"))
        statement = statement.where(members.c.cluster == cluster)
        if rollout is not None:
            statement = statement.where(members.c.rollout == rollout)
        place = (rollouts.c.created_at, rollouts.c.uid, members.c.step)
        if cursor is not None:
            statement = statement.where(tuple_(*place) < decode(cursor, tuple[datetime, str, int]))
        statement = statement.order_by(*(column.desc() for column in place)).limit(limit + 1)
        async with self._at_one_moment() as db:
            rows = (await db.execute(statement)).all()
            found = page(rows, limit, lambda row: (row.age, row.rollout, row.step))
            return Page(await self._with_runs(db, cluster, found.items), found.next)

    def _members(self) -> Select[Any]:
        return (
            select(*OF_MEMBER_AND_RUN, *_EXTRA)
            .join(steps, _ITS_STEP)
            .join(rollouts, _ITS_ROLLOUT)
            .outerjoin(runs, NEWEST_RUN)
            .where(members.c.hub == self.hub)
        )

    async def _with_runs(
        self, db: AsyncConnection, cluster: str, rows: Sequence[Any]
    ) -> tuple[VisitRow, ...]:
        keys = [(row.rollout, row.step) for row in rows]
        statement = (
            select(*OF_RUN, runs.c.rollout, runs.c.step)
            .where(runs.c.hub == self.hub, runs.c.cluster == cluster)
            .where(tuple_(runs.c.rollout, runs.c.step).in_(keys))
            .order_by(runs.c.intended_at, runs.c.attempt)
        )
        found: dict[tuple[str, int], list[Run]] = {key: [] for key in keys}
        for run in (await db.execute(statement)).mappings():
            found[run["rollout"], run["step"]].append(to_record(run, Run))
        return tuple(
            VisitRow(_row(row), tuple(found[key])) for key, row in zip(keys, rows, strict=True)
        )


def _row(row: Any) -> MemberRow:
    return msgspec.convert(
        {
            "member": to_member(row),
            "namespace": row.of_namespace,
            "name": row.of_name,
            "action": row.current_action,
            "hold": row.held,
            "now": row.now,
        },
        MemberRow,
    )

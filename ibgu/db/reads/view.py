"""Reads one rollout as a screen shows it: its steps counted, one of them whole, as of one
moment."""

from collections.abc import Sequence

from sqlalchemy import func, literal_column, select
from sqlalchemy.ext.asyncio import AsyncConnection

from ibgu.core.model import Rollout, Step
from ibgu.core.model.kinds import LabelSelector
from ibgu.db.reads.groups import GroupReads
from ibgu.db.reads.rollouts import RolloutReads
from ibgu.db.reads.step import StepReads
from ibgu.db.rows import OF_STEP_STATE, to_record
from ibgu.db.schema import members, rollouts, steps
from ibgu.db.views import GridRow, ReportRow, RolloutRow, SelectedRow, StepRow, ViewRow


class ViewReads(RolloutReads, StepReads, GroupReads):
    async def view(
        self,
        uid: str,
        step: int | None,
        intervals: int,
        label: LabelSelector | None = None,
        *,
        all_failures: bool = False,
    ) -> ViewRow:
        """Returns a rollout with one step (from 0; None is the newest one) as of one moment.

        Everything is counted again, as shared counts may be of another moment. `label` chooses the
        failures, the course and what is selected, not the cells. `all_failures`: of all steps.
        """
        async with self._at_one_moment() as db:
            seq, now = await self._seq(db), await self._now(db)
            rollout, rows = await self._with_all_steps(db, uid)
            chosen = _chosen(rows, step)
            if chosen is None:
                return ViewRow(rollout, rows, GridRow(seq, (), now))
            at = chosen.step.index
            selected = await self._selected(db, rollout.rollout, rows, label) if label else None
            only = selected.clusters if selected else None
            return ViewRow(
                rollout,
                rows,
                GridRow(seq, await self._cells(db, uid, at), now, chosen.flights),
                chosen.step,
                await self._failed(db, uid, None if all_failures else at, only),
                await self._course(db, chosen.step, intervals, only),
                selected,
                await self._reports(db, uid),
            )

    async def _with_all_steps(
        self, db: AsyncConnection, uid: str
    ) -> tuple[RolloutRow, tuple[StepRow, ...]]:
        named = self._rollouts().where(rollouts.c.uid == uid)
        (rollout,) = (await self._with_steps(db, named, shared=False)).rows
        if rollout.current is None:
            return rollout, ()
        older = (
            select(*OF_STEP_STATE)
            .where(steps.c.hub == self.hub, steps.c.rollout == uid)
            .where(steps.c.index < rollout.current.step.index)
            .order_by(steps.c.index)
        )
        rows = [to_record(row, Step) for row in (await db.execute(older)).mappings()]
        return rollout, (*await self._count(db, rows), rollout.current)

    async def _reports(self, db: AsyncConnection, uid: str) -> tuple[ReportRow, ...]:
        # A literal, so that Postgres sees that members_reports_idx has them all.
        warned = members.c.warning != literal_column("''")
        rollback = members.c.rollback_until.is_not(None)
        statement = (
            select(
                members.c.step,
                func.count().filter(warned).label("warned"),
                func.count().filter(rollback).label("rollback"),
            )
            .where(members.c.hub == self.hub, members.c.rollout == uid, warned | rollback)
            .group_by(members.c.step)
            .order_by(members.c.step)
        )
        return tuple(to_record(row, ReportRow) for row in (await db.execute(statement)).mappings())

    async def _selected(
        self,
        db: AsyncConnection,
        rollout: Rollout,
        rows: Sequence[StepRow],
        label: LabelSelector,
    ) -> SelectedRow:
        clusters = await self._labelled(db, rollout.uid, label)
        whole = await self._whole(db, [rollout], clusters)
        counted = await self._count(db, [row.step for row in rows], clusters=clusters)
        return SelectedRow(clusters, whole[rollout.uid], tuple(counted))


def _chosen(rows: tuple[StepRow, ...], index: int | None) -> StepRow | None:
    if index is None:
        return rows[-1] if rows else None
    return next((row for row in rows if row.step.index == index), None)

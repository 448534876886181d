"""Reads one step as a whole: where each member is, and how the step has gone."""

from datetime import timedelta
from typing import Any

from sqlalchemy import false, func, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from ibgu.core.model import Step
from ibgu.core.model.follow_ups import PolicyFollowUp
from ibgu.core.model.kinds import LabelSelector
from ibgu.core.views.forecast import IntervalCounts
from ibgu.db.reads.counting import OVERDUE, CountingReads
from ibgu.db.reads.labelled import matching
from ibgu.db.rows import OF_STEP, to_record
from ibgu.db.schema import members, steps
from ibgu.db.views import GridRow, ProgressRow

_CELLS = (
    members.c.cluster,
    members.c.state,
    members.c.reason["kind"].astext.label("kind"),
    members.c.reason["since"].astext.label("since"),
    members.c.outcome,
    members.c.cause,
    members.c.ended_at,
    members.c.failed_action,
    members.c.message,
    members.c.late,
    func.coalesce(OVERDUE, false()).label("overdue"),
    (members.c.warning != "").label("warned"),
    members.c.rollback_until.is_not(None).label("rollback"),
)
_COURSE = text("""
    SELECT
      least(greatest(width_bucket(extract(epoch FROM at)::float8, :low, :high, :intervals), 1),
        :intervals) - 1 AS number,
      sum(started) AS started, sum(ended) AS ended,
      sum(succeeded) AS succeeded, sum(failed) AS failed
    FROM members CROSS JOIN LATERAL (VALUES
      (CASE WHEN state <> 'waiting' THEN started_at END, 1, 0, 0, 0),
      (CASE WHEN state = 'finished' THEN ended_at END, 0, (started_at IS NOT NULL)::int,
        (outcome = 'succeeded' OR outcome = 'failed' AND late <> '')::int,
        (outcome = 'failed' AND late = '')::int)
    ) AS change(at, started, ended, succeeded, failed)
    WHERE hub = :hub AND rollout = :rollout AND step = :step AND at IS NOT NULL
      AND (CAST(:names AS text[]) IS NULL OR cluster = ANY (CAST(:names AS text[])))
    GROUP BY number
""")
_MIN_DURATION = timedelta(seconds=1)


class StepReads(CountingReads):
    async def grid(self, uid: str, step: int, label: LabelSelector | None = None) -> GridRow:
        """Returns every member of a step (with such labels) in order, as plain columns."""
        async with self._at_one_moment() as db:
            seq, cells = await self._seq(db), await self._cells(db, uid, step, label)
            flights = await self._flights(db, [(uid, step)])
            return GridRow(seq, cells, await self._now(db), tuple(flights))

    async def _cells(
        self, db: AsyncConnection, uid: str, step: int, label: LabelSelector | None = None
    ) -> tuple[tuple[Any, ...], ...]:
        statement = (
            select(*_CELLS)
            .where(members.c.hub == self.hub, members.c.rollout == uid, members.c.step == step)
            .order_by(members.c.position)
        )
        if label is not None:
            statement = statement.where(matching(self.hub, members.c.cluster, label))
        return tuple(tuple(row) for row in await db.execute(statement))

    async def follow_ups_of(self, uid: str, cluster: str) -> tuple[PolicyFollowUp, ...]:
        """Returns what policies have asked for with the cluster in the rollout, oldest first."""
        async with self._at_one_moment() as db:
            rows = (await db.execute(self._steps_of([uid]))).mappings()
            found = [to_record(row, Step) for row in rows]
        made = (each for step in found for each in step.follow_ups.made)
        return tuple(each for each in made if cluster in each.clusters)

    async def course(
        self, uid: str, step: int, intervals: int, label: LabelSelector | None = None
    ) -> ProgressRow | None:
        """Returns the course from the step's start to its end, or to now; None if it has not
        begun."""
        async with self._at_one_moment() as db:
            found = await self._step(db, uid, step)
            if found is None:
                return None
            names = await self._labelled(db, uid, label, step) if label else None
            return await self._course(db, found, intervals, names)

    async def _course(
        self, db: AsyncConnection, step: Step, intervals: int, names: frozenset[str] | None
    ) -> ProgressRow | None:
        """Counts the course; `names`: only of those clusters; None: of all."""
        if step.started_at is None:
            return None
        end = step.finished_at or await self._now(db)
        end = max(end, step.started_at + _MIN_DURATION)
        values = {
            "hub": self.hub,
            "rollout": step.rollout,
            "step": step.index,
            "low": step.started_at.timestamp(),
            "high": end.timestamp(),
            "intervals": intervals,
            "names": None if names is None else sorted(names),
        }
        changes = (await db.execute(_COURSE, values)).mappings()
        interval = (end - step.started_at) / intervals
        return ProgressRow(step, interval, tuple(to_record(row, IntervalCounts) for row in changes))

    async def _labelled(
        self, db: AsyncConnection, uid: str, label: LabelSelector, step: int | None = None
    ) -> frozenset[str]:
        """Returns the clusters with such labels, of the step or of the whole rollout."""
        statement = select(members.c.cluster).where(
            members.c.hub == self.hub,
            members.c.rollout == uid,
            matching(self.hub, members.c.cluster, label),
        )
        if step is not None:
            statement = statement.where(members.c.step == step)
        return frozenset(await db.scalars(statement))

    async def _step(self, db: AsyncConnection, uid: str, step: int) -> Step | None:
        statement = select(*OF_STEP).where(
            steps.c.hub == self.hub, steps.c.rollout == uid, steps.c.index == step
        )
        row = (await db.execute(statement)).mappings().first()
        return to_record(row, Step) if row else None

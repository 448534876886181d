"""Reads what preflight had found before each step, and what came."""

from collections.abc import Collection

from sqlalchemy import any_, select

from ibgu.core.model import Step
from ibgu.core.model.preflight import PreflightRecord
from ibgu.db.reads.base import texts
from ibgu.db.reads.groups import SUCCEEDED, GroupReads
from ibgu.db.reads.step import StepReads
from ibgu.db.rows import OF_STEP, to_record
from ibgu.db.schema import members, steps
from ibgu.db.views import FailedRow


class PreflightReads(StepReads, GroupReads):
    async def judged_steps(self, uid: str) -> tuple[Step, ...]:
        """Returns the rollout's steps that preflight has evaluated, with their records."""
        statement = (
            select(*OF_STEP)
            .where(steps.c.hub == self.hub, steps.c.rollout == uid)
            .where(steps.c.preflight.is_not(None))
            .order_by(steps.c.index)
        )
        async with self._at_one_moment() as db:
            return tuple(to_record(row, Step) for row in (await db.execute(statement)).mappings())

    async def preflight_record(self, uid: str, step: int) -> PreflightRecord | None:
        """Returns what preflight has found for the step; None: it was not evaluated."""
        async with self._at_one_moment() as db:
            found = await self._step(db, uid, step)
        return found.preflight if found is not None else None

    async def failed_clusters(self, uid: str, step: int) -> tuple[FailedRow, ...]:
        """Returns the step's failures by message, with all of their clusters."""
        async with self._at_one_moment() as db:
            rows = (await db.execute(self._by_message(uid, step, None))).mappings()
            return tuple(to_record(row, FailedRow) for row in rows)

    async def succeeded_among(
        self, uid: str, step: int, clusters: Collection[str]
    ) -> frozenset[str]:
        """Returns those of the clusters whose step succeeded, late ones included."""
        statement = select(members.c.cluster).where(
            members.c.hub == self.hub,
            members.c.rollout == uid,
            members.c.step == step,
            members.c.cluster == any_(texts(clusters)),
            SUCCEEDED,
        )
        async with self._at_one_moment() as db:
            return frozenset(await db.scalars(statement))

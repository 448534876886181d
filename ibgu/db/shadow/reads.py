"""Reads what REST shows of shadow mode."""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import any_, select, tuple_

from ibgu.core.assurance.shadow import ShadowRollout, ShadowRun, ShadowStep
from ibgu.db.reads.base import Base, texts
from ibgu.db.reads.cursor import decode, page
from ibgu.db.rows import OF_SHADOW_ROLLOUT, OF_SHADOW_RUN, OF_SHADOW_STEP, to_record
from ibgu.db.schema import shadow_rollouts, shadow_runs, shadow_steps
from ibgu.db.views import Page


class ShadowReads(Base):
    async def namespaces(self) -> tuple[str, ...]:
        """Returns the namespaces in which TALM was seen at work."""
        statement = select(shadow_rollouts.c.namespace).where(shadow_rollouts.c.hub == self.hub)
        async with self._at_one_moment() as db:
            return tuple(await db.scalars(statement.distinct()))

    async def rollouts(
        self,
        *,
        namespaces: Collection[str] | None = None,
        limit: int = 100,
        cursor: str | None = None,
    ) -> Page[ShadowRollout]:
        """Returns a page, newest first; None: of all namespaces."""
        columns = shadow_rollouts.c
        statement = (
            select(*OF_SHADOW_ROLLOUT)
            .where(columns.hub == self.hub)
            .order_by(columns.created_at.desc(), columns.uid.desc())
            .limit(limit + 1)
        )
        if namespaces is not None:
            statement = statement.where(columns.namespace == any_(texts(namespaces)))
        if cursor is not None:
            age = tuple_(columns.created_at, columns.uid)
            statement = statement.where(age < decode(cursor, tuple[datetime, str]))
        async with self._at_one_moment() as db:
            rows = (await db.execute(statement)).mappings()
            found = [to_record(row, ShadowRollout) for row in rows]
        return page(found, limit, lambda rollout: (rollout.created_at, rollout.uid))

    async def rollout(self, namespace: str, name: str) -> ShadowRollout | None:
        """Returns the newest rollout of that name."""
        columns = shadow_rollouts.c
        statement = (
            select(*OF_SHADOW_ROLLOUT)
            .where(columns.hub == self.hub, columns.namespace == namespace, columns.name == name)
            .order_by(columns.created_at.desc(), columns.uid.desc())
            .limit(1)
        )
        async with self._at_one_moment() as db:
            row = (await db.execute(statement)).mappings().first()
        return to_record(row, ShadowRollout) if row else None

    async def steps_and_runs(
        self, uid: str
    ) -> tuple[tuple[ShadowStep, ...], tuple[ShadowRun, ...]]:
        """Reads the steps and runs of one moment."""
        steps = (
            select(*OF_SHADOW_STEP)
            .where(shadow_steps.c.hub == self.hub, shadow_steps.c.rollout == uid)
            .order_by(shadow_steps.c.index)
        )
        runs = select(*OF_SHADOW_RUN).where(
            shadow_runs.c.hub == self.hub, shadow_runs.c.rollout == uid
        )
        async with self._at_one_moment() as db:
            found_steps = (await db.execute(steps)).mappings()
            found_runs = (await db.execute(runs)).mappings()
            return (
                tuple(to_record(row, ShadowStep) for row in found_steps),
                tuple(to_record(row, ShadowRun) for row in found_runs),
            )

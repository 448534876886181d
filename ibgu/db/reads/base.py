"""What all reads share: one moment, one hub, counts."""

from collections.abc import AsyncIterator, Collection, Iterable
from contextlib import asynccontextmanager
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Integer, Text, and_, column, func, literal, select
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from ibgu.core.model import Step
from ibgu.db.errors import away_from
from ibgu.db.rows import to_record
from ibgu.db.schema import members
from ibgu.db.views import Counts, StepRow

_COUNT_OF = {"in flight": "in_flight"}
"""Outcome or state of a member -> field of Counts, where they differ."""


class Base:
    """Reads of one hub. They need no leader and never write."""

    def __init__(self, engine: AsyncEngine, hub: str) -> None:
        self._engine = engine
        self.hub = hub

    @asynccontextmanager
    async def _at_one_moment(self) -> AsyncIterator[AsyncConnection]:
        with away_from("reading"):
            async with self._engine.connect() as db:
                yield await db.execution_options(
                    isolation_level="REPEATABLE READ", postgresql_readonly=True
                )

    async def _counted(self, db: AsyncConnection, rows: Iterable[Any]) -> list[StepRow]:
        """Rows of OF_STEP with their members counted."""
        steps = [to_record(row, Step) for row in rows]
        counts = await self._counts(db, [step.key for step in steps])
        return [StepRow(step, counts.get(step.key, Counts())) for step in steps]

    async def _counts(
        self, db: AsyncConnection, keys: Collection[tuple[str, int]]
    ) -> dict[tuple[str, int], Counts]:
        asked = (
            func.unnest(
                texts([rollout for rollout, _ in keys]),
                literal([step for _, step in keys], ARRAY(Integer)),
            )
            .table_valued(column("rollout", Text), column("step", Integer))
            .render_derived(name="asked")
        )
        what = func.coalesce(members.c.outcome, members.c.state)
        its_step = and_(members.c.rollout == asked.c.rollout, members.c.step == asked.c.step)
        statement = (
            select(members.c.rollout, members.c.step, what, func.count())
            .join(asked, its_step)
            .where(members.c.hub == self.hub)
            .group_by(members.c.rollout, members.c.step, what)
        )
        found: dict[tuple[str, int], dict[str, int]] = {}
        for rollout, step, name, count in await db.execute(statement):
            found.setdefault((rollout, step), {})[_COUNT_OF.get(name, name)] = count
        return {
            key: msgspec.convert({**parts, "total": sum(parts.values())}, Counts)
            for key, parts in found.items()
        }


def texts(values: Collection[str]) -> ColumnElement[Any]:
    return literal(list(values), ARRAY(Text))

"""Reads what is under way on the whole hub."""

from collections.abc import Collection
from typing import Any

from sqlalchemy import ColumnElement, Select, func, literal, select
from sqlalchemy.ext.asyncio import AsyncConnection

from ibgu.core.model import MemberState, Outcome, RolloutState
from ibgu.db.reads.rollouts import RolloutReads
from ibgu.db.reads.tallies import StepKey
from ibgu.db.rows import to_record
from ibgu.db.schema import members
from ibgu.db.views import EndRow, HubOverview


class OverviewReads(RolloutReads):
    async def overview(self, namespaces: Collection[str] | None = None) -> HubOverview:
        """Returns the overview of rollouts that are not deleted; None: of all namespaces. Ends are
        those of the newest steps of rollouts that have not completed."""
        async with self._at_one_moment() as db:
            now = await self._now(db)
            found = await self._with_steps(db, self._present(namespaces), finished=False)
            busy = [
                row.current.step.key
                for row in found
                if row.current and row.rollout.state is not RolloutState.COMPLETE
            ]
            return HubOverview(now, tuple(found), await self._ends(db, busy))

    async def _ends(self, db: AsyncConnection, keys: Collection[StepKey]) -> tuple[EndRow, ...]:
        """Counts ends; late completion is read from the few that failed, the others are counted in
        the index alone."""
        failed, late = members.c.outcome == Outcome.FAILED.value, members.c.late != ""
        parts = (_ended(~failed), _ended(failed & ~late), _ended(failed & late, late=True))
        found: list[EndRow] = []
        for ended in parts:
            rows = (await db.execute(self._of_steps(keys, ended))).mappings()
            found.extend(to_record(row, EndRow) for row in rows)
        return tuple(found)


def _ended(which: ColumnElement[bool], *, late: bool = False) -> Select[Any]:
    group = (members.c.outcome, members.c.cause)
    over = members.c.state == MemberState.FINISHED.value
    columns = (*group, literal(late).label("late"), func.count().label("count"))
    return select(*columns).where(over, which).group_by(*group)

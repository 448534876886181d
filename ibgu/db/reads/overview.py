"""What is under way on the whole hub."""

from collections.abc import Collection

from sqlalchemy import any_, func, select

from ibgu.core.model import MemberState, RolloutState
from ibgu.db.reads.base import texts
from ibgu.db.reads.rollouts import RolloutReads
from ibgu.db.rows import to_record
from ibgu.db.schema import members, rollouts
from ibgu.db.views import EndRow, Overview


class OverviewReads(RolloutReads):
    async def overview(self, namespaces: Collection[str] | None = None) -> Overview:
        """Of rollouts that are not deleted; None: of all namespaces.

        Ends are those of the newest steps of rollouts that have not completed.
        """
        statement = self._rollouts().where(rollouts.c.state != RolloutState.DELETED.value)
        if namespaces is not None:
            statement = statement.where(rollouts.c.namespace == any_(texts(namespaces)))
        async with self._at_one_moment() as db:
            now = await self._now(db)
            found = await self._with_steps(db, statement, finished=False)
            busy = [
                row.current.step.key
                for row in found
                if row.current and row.rollout.state is not RolloutState.COMPLETE
            ]
            group = (members.c.outcome, members.c.cause)
            over = members.c.state == MemberState.FINISHED.value
            ended = select(*group, func.count().label("count")).where(over).group_by(*group)
            rows = (await db.execute(self._of_steps(busy, ended))).mappings()
            return Overview(now, tuple(found), tuple(to_record(row, EndRow) for row in rows))

"""Clusters by name: those that any rollout knows, and what is held and owed of one."""

from collections.abc import Collection

from sqlalchemy import any_, select

from ibgu.core.model import Debt
from ibgu.db.reads.base import Base, texts
from ibgu.db.reads.cursor import decode, page
from ibgu.db.rows import OF_DEBT, to_record
from ibgu.db.schema import debts, holds, members, rollouts
from ibgu.db.views import ClusterRow, HoldRow, Page


class ClusterReads(Base):
    async def clusters(
        self,
        *,
        prefix: str = "",
        rollout: str | None = None,
        namespaces: Collection[str] | None = None,
        limit: int = 100,
        cursor: str | None = None,
    ) -> Page[str]:
        """Names in their order; `rollout` is a uid; None: of all rollouts, of all namespaces."""
        statement = select(members.c.cluster).where(members.c.hub == self.hub).distinct()
        if prefix:
            statement = statement.where(members.c.cluster.startswith(prefix, autoescape=True))
        if rollout is not None:
            statement = statement.where(members.c.rollout == rollout)
        if namespaces is not None:
            visible = select(rollouts.c.uid).where(
                rollouts.c.hub == self.hub, rollouts.c.namespace == any_(texts(namespaces))
            )
            statement = statement.where(members.c.rollout.in_(visible))
        if cursor is not None:
            statement = statement.where(members.c.cluster > decode(cursor, str))
        statement = statement.order_by(members.c.cluster).limit(limit + 1)
        async with self._at_one_moment() as db:
            found = list(await db.scalars(statement))
        return page(found, limit, lambda name: name)

    async def cluster(self, name: str) -> ClusterRow:
        """Under every uid that had the name."""
        held = (
            select(rollouts.c.namespace, rollouts.c.name, holds)
            .join(rollouts, (rollouts.c.hub == holds.c.hub) & (rollouts.c.uid == holds.c.rollout))
            .where(holds.c.hub == self.hub, holds.c.cluster == name)
        )
        owed = select(*OF_DEBT).where(debts.c.hub == self.hub, debts.c.cluster == name)
        async with self._at_one_moment() as db:
            found = [to_record(row, HoldRow) for row in (await db.execute(held)).mappings()]
            debt = [to_record(row, Debt) for row in (await db.execute(owed)).mappings()]
        return ClusterRow(tuple(found), tuple(debt))

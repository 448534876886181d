"""Reads clusters by name: those that any rollout knows, with the claims and pending patches of
one."""

from collections.abc import Collection, Sequence

from sqlalchemy import all_, any_, exists, select
from sqlalchemy.ext.asyncio import AsyncConnection

from ibgu.core.model import PendingPatch
from ibgu.core.model.kinds import LabelSelector
from ibgu.db.reads.base import Base, texts
from ibgu.db.reads.cursor import decode, page
from ibgu.db.reads.names import Names
from ibgu.db.rows import OF_PENDING_PATCH, to_record
from ibgu.db.schema import claims, cluster_labels, pending_patches, rollouts
from ibgu.db.views import ClaimRow, ClusterRow, Page


class ClusterReads(Base):
    async def clusters(
        self,
        *,
        prefix: str = "",
        label: LabelSelector | None = None,
        rollout: str | None = None,
        namespaces: Collection[str] | None = None,
        limit: int = 100,
        cursor: str | None = None,
    ) -> Page[str]:
        """Returns a page of names in order. `label`: by the labels that they have now. `rollout` is
        a uid, with which the namespaces don't matter; None: of all rollouts or all namespaces."""
        after = "" if cursor is None else decode(cursor, str)
        names = Names(self.hub, prefix, after, limit + 1, label)
        async with self._at_one_moment() as db:
            if rollout is not None:
                statement = names.of_rollout(rollout)
            elif namespaces is None or not await self._elsewhere(db, namespaces):
                statement = names.of_all()
            else:
                statement = names.of_namespaces(namespaces)
            found = list(await db.scalars(statement))
        return page(found, limit, lambda name: name)

    async def _elsewhere(self, db: AsyncConnection, namespaces: Collection[str]) -> bool:
        """Returns whether there is, or was, a rollout in another namespace."""
        other = rollouts.c.namespace != all_(texts(namespaces))
        found = await db.scalar(select(exists().where(rollouts.c.hub == self.hub, other)))
        return bool(found)

    async def labels_of(
        self, clusters: Collection[str], names: Sequence[str]
    ) -> dict[str, dict[str, str]]:
        """Returns, by cluster, those of the labels that the clusters have now; without clusters
        that have none of them, or whose labels are unknown."""
        if not clusters or not names:
            return {}
        values = [cluster_labels.c.labels[name].astext for name in names]
        statement = select(cluster_labels.c.cluster, *values).where(
            cluster_labels.c.hub == self.hub,
            cluster_labels.c.cluster == any_(texts(clusters)),
            cluster_labels.c.labels.is_not(None),
        )
        async with self._at_one_moment() as db:
            rows = (await db.execute(statement)).all()
        found = ((row[0], zip(names, row[1:], strict=True)) for row in rows)
        return {
            cluster: {name: value for name, value in of_cluster if value is not None}
            for cluster, of_cluster in found
        }

    async def cluster(self, name: str) -> ClusterRow:
        """Returns the cluster, under every uid that had the name."""
        held = (
            select(rollouts.c.namespace, rollouts.c.name, claims)
            .join(rollouts, (rollouts.c.hub == claims.c.hub) & (rollouts.c.uid == claims.c.rollout))
            .where(claims.c.hub == self.hub, claims.c.cluster == name)
        )
        statement = select(*OF_PENDING_PATCH).where(
            pending_patches.c.hub == self.hub, pending_patches.c.cluster == name
        )
        labels = select(cluster_labels.c.labels).where(
            cluster_labels.c.hub == self.hub, cluster_labels.c.cluster == name
        )
        async with self._at_one_moment() as db:
            found = [to_record(row, ClaimRow) for row in (await db.execute(held)).mappings()]
            pending = [
                to_record(row, PendingPatch) for row in (await db.execute(statement)).mappings()
            ]
            known = await db.scalar(labels)
        return ClusterRow(tuple(found), tuple(pending), known)

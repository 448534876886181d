"""Stores clusters' labels as the leader saw them."""

from collections.abc import Collection, Mapping, Sequence
from hashlib import blake2b

import msgspec
from msgspec import Struct
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncEngine

from ibgu.db.errors import LeadershipLost, unavailable_from
from ibgu.db.schema import cluster_labels

MAX_BYTES = 32 * 1024
"""The most bytes of one cluster's labels in JSON; larger sets are not kept. Some dozens of labels,
as clusters have, are two or three KiB."""

_PUT = text("""
    INSERT INTO cluster_labels (hub, cluster, labels, digest, there)
    SELECT hubs.id, seen.cluster, CAST(seen.labels AS jsonb), seen.digest, true
    FROM unnest(CAST(:clusters AS text[]), CAST(:labels AS text[]), CAST(:digests AS text[]))
      AS seen(cluster, labels, digest),
      (SELECT id FROM hubs WHERE id = :hub AND epoch = :epoch FOR SHARE) AS hubs
    ON CONFLICT (hub, cluster) DO UPDATE
    SET labels = excluded.labels, digest = excluded.digest, there = true
""")
"""Locked, so that the next leader begins, and reads, after this has ended."""
_DROP = text("""
    WITH leads AS (SELECT id FROM hubs WHERE id = :hub AND epoch = :epoch FOR SHARE)
    DELETE FROM cluster_labels USING leads
    WHERE cluster_labels.hub = leads.id
      AND cluster_labels.cluster = ANY(CAST(:clusters AS text[]))
      AND NOT EXISTS (SELECT FROM members
        WHERE members.hub = :hub AND members.cluster = cluster_labels.cluster)
""")
_DELETE_OTHERS = text("""
    WITH leads AS (SELECT id FROM hubs WHERE id = :hub AND epoch = :epoch FOR SHARE)
    UPDATE cluster_labels SET there = false FROM leads
    WHERE cluster_labels.hub = leads.id AND there
      AND cluster_labels.cluster = ANY(CAST(:clusters AS text[]))
""")


class SeenLabels(Struct, frozen=True):
    cluster: str
    labels: str | None
    """The labels as JSON; None if too large to be kept."""
    digest: str


def seen(cluster: str, labels: Mapping[str, str]) -> SeenLabels:
    found = msgspec.json.encode(dict(sorted(labels.items())))
    digest = blake2b(found, digest_size=12).hexdigest()
    return SeenLabels(cluster, found.decode() if len(found) <= MAX_BYTES else None, digest)


class LabelStore:
    """LabelStore reads and writes the labels of one hub's clusters; all methods raise
    JournalUnavailable."""

    def __init__(self, engine: AsyncEngine, hub: str) -> None:
        self._engine = engine
        self._hub = hub

    async def digests(self) -> dict[str, str]:
        """Returns the digests of all clusters recorded as present."""
        wanted = select(cluster_labels.c.cluster, cluster_labels.c.digest).where(
            cluster_labels.c.hub == self._hub, cluster_labels.c.there
        )
        with unavailable_from("reading which labels are noted"):
            async with self._engine.connect() as db:
                return {row.cluster: row.digest for row in await db.execute(wanted)}

    async def put(self, found: Sequence[SeenLabels], epoch: int) -> None:
        """Writes the labels. Raises LeadershipLost if `epoch` is over."""
        values = {
            "hub": self._hub,
            "epoch": epoch,
            "clusters": [each.cluster for each in found],
            "labels": [each.labels for each in found],
            "digests": [each.digest for each in found],
        }
        with unavailable_from("noting labels of clusters"):
            async with self._engine.begin() as db:
                written = (await db.execute(_PUT, values)).rowcount
        if not written:
            raise LeadershipLost(f"epoch {epoch} of hub {self._hub} is over; no labels were noted")

    async def drop(self, clusters: Collection[str], epoch: int) -> None:
        """Records that the clusters are gone from the hub. One that was in a rollout keeps its
        labels."""
        values = {"hub": self._hub, "epoch": epoch, "clusters": list(clusters)}
        with unavailable_from("forgetting labels of clusters"):
            async with self._engine.begin() as db:
                await db.execute(_DROP, values)
                await db.execute(_DELETE_OTHERS, values)

"""Converts a ManagedCluster to a ClusterView."""

from collections.abc import Iterable, Mapping
from sys import intern

from ibgu.core.drivers.ibu.observe.conditions import status_of
from ibgu.core.model import ClusterView, names
from ibgu.core.model.kinds import ManagedCluster

LOCAL = "local-cluster"
_NONE: dict[str, str] = {}
"""Shared: never written to."""


def view_cluster(mc: ManagedCluster) -> ClusterView:
    metadata = mc.metadata
    return ClusterView(
        name=intern(metadata.name),
        uid=intern(metadata.uid),
        accepted=mc.spec.hub_accepts_client,
        deleting=metadata.deletion_timestamp is not None,
        reachable=status_of(mc.status.conditions, "ManagedClusterConditionAvailable") == "True",
        local=metadata.name == LOCAL or metadata.labels.get(LOCAL) == "true",
        labels=_shared(metadata.labels, metadata.labels),
        annotations=_shared(metadata.annotations, names.OF_CLUSTERS),
    )


def _shared(found: Mapping[str, str], keys: Iterable[str]) -> dict[str, str]:
    """Returns the entries of those keys; equal strings are shared by the whole fleet."""
    return {intern(key): intern(found[key]) for key in keys if key in found} or _NONE

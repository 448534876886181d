"""ManagedCluster -> ClusterView."""

from ibgu.core.kinds import ManagedCluster
from ibgu.core.model import ClusterView
from ibgu.core.observe.conditions import status_of

LOCAL = "local-cluster"


def view_cluster(mc: ManagedCluster) -> ClusterView:
    metadata = mc.metadata
    return ClusterView(
        name=metadata.name,
        uid=metadata.uid,
        accepted=mc.spec.hub_accepts_client,
        deleting=metadata.deletion_timestamp is not None,
        reachable=status_of(mc.status.conditions, "ManagedClusterConditionAvailable") == "True",
        local=metadata.name == LOCAL or metadata.labels.get(LOCAL) == "true",
        labels=metadata.labels,
        annotations=metadata.annotations,
    )

"""TALM's names: labels, annotations, feedback values, and the names of its objects."""

from collections.abc import Sequence

CGU = "openshift-cluster-group-upgrades/clusterGroupUpgrade"
"""Label of a ManifestWork: its ClusterGroupUpgrade; every work of TALM's has it."""
CGU_NAMESPACE = "openshift-cluster-group-upgrades/clusterGroupUpgradeNamespace"
EXPECTED = "openshift-cluster-group-upgrades/expectedValues"
"""Annotation of a ManifestWork: JSON, the feedback value that ends its action."""
CHANGED = ("lca.openshift.io", "ImageBasedUpgrade")
"""Group and kind of the object on the cluster that a ManifestWork of an action changes."""
IBGU = "ibgu"
"""Label of a ClusterGroupUpgrade: the name of its IBGU."""

FINALIZER = "ran.openshift.io/cleanup-finalizer"
"""Finalizer of a ClusterGroupUpgrade: TALM deletes its works before it removes it."""

COMPLETED: dict[str, str] = {
    "isPrepCompleted": "Prep",
    "isUpgradeCompleted": "Upgrade",
    "isRollbackCompleted": "Rollback",
    "isIdle": "Idle",
}
"""Name of the feedback value that must become "True" -> the stage that its work asks for."""

COMPLETE = "complete"
TIMED_OUT = "timedout"
"""How a cluster ends in a ClusterGroupUpgrade."""


def group_name(ibgu: str, actions: Sequence[str], index: int) -> str:
    """Returns the name of the ClusterGroupUpgrade that carries out one step of the plan."""
    return "-".join((ibgu, *actions, str(index))).lower()


def template_name(ibgu: str, action: str) -> str:
    """Returns the name of the ManifestWorkReplicaSet that holds an action's manifests."""
    return f"{ibgu}-{action}".lower()

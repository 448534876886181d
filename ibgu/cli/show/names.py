"""Lists clusters by name, as many as there is room for."""

from collections.abc import Sequence

_CLUSTER = "managedcluster.cluster.open-cluster-management.io"


def listed(names: Sequence[str], count: int, most: int = 3) -> str:
    """Returns the first `most` of `count` names; with an ellipsis if there are more."""
    if not names:
        return ""
    return ", ".join(names[:most]) + (", …" if count > min(most, len(names)) else "")


def object_name(cluster: str) -> str:
    """Returns the object's name as kubectl prints and takes it."""
    return f"{_CLUSTER}/{cluster}"

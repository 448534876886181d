"""Clusters by name, as many as there is room for."""

from collections.abc import Sequence

_CLUSTER = "managedcluster.cluster.open-cluster-management.io"


def listed(names: Sequence[str], count: int, most: int = 3) -> str:
    """The first `most` of `count`; an ellipsis where there are more."""
    if not names:
        return ""
    return ", ".join(names[:most]) + (", …" if count > min(most, len(names)) else "")


def object_name(cluster: str) -> str:
    """As kubectl names it, and takes it."""
    return f"{_CLUSTER}/{cluster}"

"""Names the objects on a managed cluster."""

from typing import NamedTuple

from ibgu.core.model.kinds import JsonObject


class Key(NamedTuple):
    group: str
    kind: str
    namespace: str
    name: str


IBU = Key("lca.openshift.io", "ImageBasedUpgrade", "", "upgrade")

_CLUSTER_SCOPED = frozenset(
    {
        "ClusterRole",
        "ClusterRoleBinding",
        "ClusterVersion",
        "CustomResourceDefinition",
        "Etcd",
        "ImageBasedUpgrade",
        "Infrastructure",
        "MachineConfig",
        "Namespace",
        "Node",
        "Operator",
    }
)


def key_of(manifest: JsonObject) -> Key:
    """Returns the manifest's key; a namespace on a cluster-scoped object is ignored, as kubectl's
    `-n` is."""
    api_version, kind = str(manifest.get("apiVersion", "")), str(manifest.get("kind", ""))
    meta = manifest.get("metadata") or {}
    group = api_version.rpartition("/")[0]
    namespace = "" if kind in _CLUSTER_SCOPED else str(meta.get("namespace", ""))
    return Key(group, kind, namespace, str(meta.get("name", "")))


def resource_of(key: Key) -> str:
    """Returns the plural that the API uses in paths: `imagebasedupgrades`."""
    kind = key.kind.lower()
    if kind.endswith(("s", "x", "ch", "sh")):
        return f"{kind}es"
    return f"{kind[:-1]}ies" if kind.endswith("y") else f"{kind}s"


def qualified(key: Key) -> str:
    """Returns a kind's name in error messages: `imagebasedupgrades.lca.openshift.io`."""
    return f"{resource_of(key)}.{key.group}" if key.group else resource_of(key)

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
        "ClusterOperator",
        "ClusterRoleBinding",
        "ClusterVersion",
        "CustomResourceDefinition",
        "Etcd",
        "ImageBasedUpgrade",
        "ImageContentSourcePolicy",
        "ImageDigestMirrorSet",
        "Infrastructure",
        "MachineConfig",
        "MachineConfigPool",
        "Namespace",
        "Network",
        "Node",
        "Operator",
        "PinnedImageSet",
        "Proxy",
    }
)


_VERSIONS = {
    ("", "Node"): "v1",
    ("apps", "Deployment"): "v1",
    ("config.openshift.io", "Infrastructure"): "v1",
    ("config.openshift.io", "Network"): "v1",
    ("config.openshift.io", "Proxy"): "v1",
    ("lca.openshift.io", "ImageBasedUpgrade"): "v1",
    ("machineconfiguration.openshift.io", "MachineConfig"): "v1",
    ("oadp.openshift.io", "DataProtectionApplication"): "v1alpha1",
    ("operator.openshift.io", "Etcd"): "v1",
    ("operators.coreos.com", "Operator"): "v1",
    ("velero.io", "Backup"): "v1",
    ("velero.io", "BackupStorageLocation"): "v1",
    ("velero.io", "Restore"): "v1",
}
"""The version of the kinds of which the cluster has objects; other kinds are served in any."""


def key_of(manifest: JsonObject) -> Key:
    """Returns the manifest's key; a namespace on a cluster-scoped object is ignored, as kubectl's
    `-n` is."""
    api_version, kind = str(manifest.get("apiVersion", "")), str(manifest.get("kind", ""))
    meta = manifest.get("metadata") or {}
    group = api_version.rpartition("/")[0]
    namespace = "" if kind in _CLUSTER_SCOPED else str(meta.get("namespace", ""))
    return Key(group, kind, namespace, str(meta.get("name", "")))


def version_of(manifest: JsonObject) -> str:
    return str(manifest.get("apiVersion", "")).rpartition("/")[2]


def is_served_version(manifest: JsonObject) -> bool:
    """Returns whether the API server serves the kind in the manifest's version."""
    key, version = key_of(manifest), version_of(manifest)
    return _VERSIONS.get((key.group, key.kind), version) == version


def resource_of(key: Key) -> str:
    """Returns the plural that the API uses in paths: `imagebasedupgrades`."""
    kind = key.kind.lower()
    if kind.endswith(("s", "x", "ch", "sh")):
        return f"{kind}es"
    return f"{kind[:-1]}ies" if kind.endswith("y") else f"{kind}s"


def qualified(key: Key) -> str:
    """Returns a kind's name in error messages: `imagebasedupgrades.lca.openshift.io`."""
    return f"{resource_of(key)}.{key.group}" if key.group else resource_of(key)

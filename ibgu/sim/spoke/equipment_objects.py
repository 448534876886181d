"""Makes the objects of a cluster's equipment, as OpenShift and its operators write them."""

from collections.abc import Sequence

from ibgu.core.model.kinds import JsonObject
from ibgu.sim.spoke.objects import Key

_AGENT = "openshift-lifecycle-agent"
_ADP = "openshift-adp"
_OPERATORS = "operators.coreos.com"

LCA_DEPLOYMENT = Key("apps", "Deployment", _AGENT, "lifecycle-agent-controller-manager")
VELERO = Key("apps", "Deployment", _ADP, "velero")
LCA_OPERATOR = Key(_OPERATORS, "Operator", "", f"lifecycle-agent.{_AGENT}")
OADP_OPERATOR = Key(_OPERATORS, "Operator", "", f"redhat-oadp-operator.{_ADP}")
LSO_OPERATOR = Key(_OPERATORS, "Operator", "", "local-storage-operator.openshift-local-storage")
LVMS_OPERATOR = Key(_OPERATORS, "Operator", "", "lvms-operator.openshift-storage")
INFRASTRUCTURE = Key("config.openshift.io", "Infrastructure", "", "cluster")
NETWORK = Key("config.openshift.io", "Network", "", "cluster")
PROXY = Key("config.openshift.io", "Proxy", "", "cluster")
DPA = Key("oadp.openshift.io", "DataProtectionApplication", _ADP, "dataprotectionapplication")
BSL = Key("velero.io", "BackupStorageLocation", _ADP, "dataprotectionapplication-1")
PARTITION = Key(
    "machineconfiguration.openshift.io", "MachineConfig", "", "98-var-lib-containers-partitioned"
)
ETCD = Key("operator.openshift.io", "Etcd", "", "cluster")

_S3 = {
    "profile": "default",
    "region": "minio",
    "s3ForcePathStyle": "true",
    "s3Url": "http://backups.example.com:9000",
}
_DISK = "/dev/disk/by-path/pci-0000:01:00.0-nvme-1"
_CONTAINERS = "/dev/disk/by-partlabel/var-lib-containers"
_UNAVAILABLE = {
    "phase": "Unavailable",
    "message": "BackupStorageLocation is unavailable: rpc error: code = Unknown desc = "
    "NoSuchBucket: The specified bucket does not exist",
}
_STORAGE = "628613099Ki"
_ALLOCATABLE = "579329831236"
"""Bytes of node storage that pods may use: without what the kubelet reserves."""


_NODE_INFO = {
    "architecture": "amd64",
    "operatingSystem": "linux",
    **dict.fromkeys(("machineID", "systemUUID", "bootID"), ""),
    **dict.fromkeys(("kernelVersion", "osImage", "containerRuntimeVersion"), ""),
    **dict.fromkeys(("kubeletVersion", "kubeProxyVersion"), ""),
}


def node_key(name: str) -> Key:
    return Key("", "Node", "", name)


def _condition(kind: str, status: bool, reason: str, message: str) -> JsonObject:
    return {"type": kind, "status": str(status), "reason": reason, "message": message}


def agent_deployment(release: str, running: bool) -> JsonObject:
    labels = {
        "olm.managed": "true",
        "olm.owner": f"lifecycle-agent.v{release}",
        "olm.owner.kind": "ClusterServiceVersion",
        "olm.owner.namespace": _AGENT,
        f"{_OPERATORS}/{LCA_OPERATOR.name}": "",
    }
    return _deployment(
        LCA_DEPLOYMENT, "registry.redhat.io/openshift4/lifecycle-agent", labels, running
    )


def velero() -> JsonObject:
    """Returns the Deployment that OADP makes of a DataProtectionApplication."""
    labels = {"app.kubernetes.io/managed-by": "oadp-operator", "component": "velero"}
    return _deployment(VELERO, "registry.redhat.io/oadp/oadp-velero", labels, running=True)


def _deployment(key: Key, image: str, labels: dict[str, str], running: bool) -> JsonObject:
    """Returns a Deployment of one replica. A counter of zero is left out, as Kubernetes does."""
    selector = {"app.kubernetes.io/name": key.name}
    container = {"name": key.name, "image": image}
    template = {"metadata": {"labels": selector}, "spec": {"containers": [container]}}
    return {
        "apiVersion": "apps/v1",
        "kind": key.kind,
        "metadata": {"name": key.name, "namespace": key.namespace, "labels": labels},
        "spec": {"replicas": 1, "selector": {"matchLabels": selector}, "template": template},
        "status": _running() if running else _stopped(),
    }


def _running() -> JsonObject:
    counters = ("replicas", "updatedReplicas", "readyReplicas", "availableReplicas")
    words = ("MinimumReplicasAvailable", "Deployment has minimum availability.")
    return {
        "observedGeneration": 1,
        **dict.fromkeys(counters, 1),
        "conditions": [_condition("Available", True, *words)],
    }


def _stopped() -> JsonObject:
    counters = ("replicas", "updatedReplicas", "unavailableReplicas")
    words = ("MinimumReplicasUnavailable", "Deployment does not have minimum availability.")
    return {
        "observedGeneration": 1,
        **dict.fromkeys(counters, 1),
        "conditions": [_condition("Available", False, *words)],
    }


def operator(key: Key, package: str, release: str) -> JsonObject | None:
    """Returns OLM's view of an operator: references to all that it consists of, among them one
    ClusterServiceVersion. None without a release."""
    if not release:
        return None
    namespace = key.name.partition(".")[2]
    version = f"{package}.v{release}"
    label = f"{_OPERATORS}/{key.name}"
    succeeded = _condition(
        "Succeeded",
        True,
        "InstallSucceeded",
        "install strategy completed with no errors",
    )
    refs: list[JsonObject] = [
        {"apiVersion": "apps/v1", "kind": "Deployment", "name": f"{package}-controller-manager"},
        {"apiVersion": f"{_OPERATORS}/v1alpha1", "kind": "InstallPlan", "name": "install-7xk2p"},
        {
            "apiVersion": f"{_OPERATORS}/v1alpha1",
            "kind": "ClusterServiceVersion",
            "name": version,
            "conditions": [succeeded],
        },
        {"apiVersion": f"{_OPERATORS}/v1alpha1", "kind": "Subscription", "name": package},
        {"apiVersion": f"{_OPERATORS}/v2", "kind": "OperatorCondition", "name": version},
    ]
    selector = {"matchExpressions": [{"key": label, "operator": "Exists"}]}
    return {
        "apiVersion": f"{_OPERATORS}/v1",
        "kind": key.kind,
        "metadata": {"name": key.name},
        "spec": {},
        "status": {
            "components": {
                "labelSelector": selector,
                "refs": [{**ref, "namespace": namespace} for ref in refs],
            }
        },
    }


def infrastructure(cluster: str, topology: str) -> JsonObject:
    return {
        "apiVersion": f"{INFRASTRUCTURE.group}/v1",
        "kind": INFRASTRUCTURE.kind,
        "metadata": {"name": INFRASTRUCTURE.name},
        "spec": {"platformSpec": {"type": "BareMetal"}},
        "status": {
            "infrastructureName": cluster,
            "platform": "BareMetal",
            "controlPlaneTopology": topology,
            "infrastructureTopology": topology,
            "cpuPartitioning": "None",
        },
    }


def network() -> JsonObject:
    spec = {
        "clusterNetwork": [{"cidr": "10.128.0.0/14", "hostPrefix": 23}],
        "serviceNetwork": ["172.30.0.0/16"],
        "networkType": "OVNKubernetes",
    }
    return {
        "apiVersion": f"{NETWORK.group}/v1",
        "kind": NETWORK.kind,
        "metadata": {"name": NETWORK.name},
        "spec": spec,
        "status": {**spec, "clusterNetworkMTU": 1400},
    }


def proxy() -> JsonObject:
    """Returns the Proxy of a cluster without one."""
    return {
        "apiVersion": f"{PROXY.group}/v1",
        "kind": PROXY.kind,
        "metadata": {"name": PROXY.name},
        "spec": {"trustedCA": {"name": ""}},
        "status": {},
    }


def dpa(cluster: str, reconciled: bool) -> JsonObject:
    words = ("Complete", "Reconcile complete")
    if not reconciled:
        words = ("Error", 'Secret "cloud-credentials" not found')
    location = {
        "provider": "aws",
        "default": True,
        "config": _S3,
        "credential": {"key": "cloud", "name": "cloud-credentials"},
        "objectStorage": {"bucket": "backups", "prefix": cluster},
    }
    velero = {"defaultPlugins": ["aws", "openshift"], "resourceTimeout": "10m"}
    return {
        "apiVersion": f"{DPA.group}/v1alpha1",
        "kind": DPA.kind,
        "metadata": {"name": DPA.name, "namespace": DPA.namespace},
        "spec": {
            "backupLocations": [{"velero": location}],
            "configuration": {"restic": {"enable": False}, "velero": velero},
        },
        "status": {"conditions": [_condition("Reconciled", reconciled, *words)]},
    }


def bsl(cluster: str, available: bool) -> JsonObject:
    return {
        "apiVersion": f"{BSL.group}/v1",
        "kind": BSL.kind,
        "metadata": {
            "name": BSL.name,
            "namespace": BSL.namespace,
            "labels": {"openshift.io/oadp": "True", "openshift.io/oadp-bsl-name": BSL.name},
        },
        "spec": {
            "provider": "aws",
            "default": True,
            "config": _S3,
            "objectStorage": {"bucket": "backups", "prefix": cluster},
        },
        "status": {"phase": "Available"} if available else _UNAVAILABLE,
    }


def partition() -> JsonObject:
    """Returns the MachineConfig with which a node gets a partition for container storage."""
    disk = {
        "device": _DISK,
        "partitions": [{"label": "var-lib-containers", "startMiB": 250000, "sizeMiB": 0}],
    }
    filesystem = {
        "device": _CONTAINERS,
        "format": "xfs",
        "path": "/var/lib/containers",
        "wipeFilesystem": True,
    }
    storage = {"disks": [disk], "filesystems": [filesystem]}
    config = {"ignition": {"version": "3.2.0"}, "storage": storage}
    labels = {"machineconfiguration.openshift.io/role": "master"}
    return {
        "apiVersion": f"{PARTITION.group}/v1",
        "kind": PARTITION.kind,
        "metadata": {"name": PARTITION.name, "labels": labels},
        "spec": {"config": config},
    }


def etcd(nodes: Sequence[str]) -> JsonObject:
    statuses = [{"nodeName": name, "currentRevision": 7} for name in nodes]
    return {
        "apiVersion": f"{ETCD.group}/v1",
        "kind": ETCD.kind,
        "metadata": {"name": ETCD.name},
        "spec": {"managementState": "Managed"},
        "status": {"latestAvailableRevision": 7, "nodeStatuses": statuses},
    }


def node(name: str, disk_full: bool) -> JsonObject:
    roles = ("control-plane", "master", "worker")
    conditions = [
        _condition(
            "MemoryPressure",
            False,
            "KubeletHasSufficientMemory",
            "kubelet has sufficient memory available",
        ),
        _disk_pressure(disk_full),
        _condition("PIDPressure", False, "KubeletHasSufficientPID", "kubelet has sufficient PID"),
        _condition("Ready", True, "KubeletReady", "kubelet is posting ready status"),
    ]
    resources = {"cpu": "64", "memory": "131886292Ki", "pods": "250"}
    taint = {"key": "node.kubernetes.io/disk-pressure", "effect": "NoSchedule"}
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {
            "name": name,
            "labels": {f"node-role.kubernetes.io/{role}": "" for role in roles},
        },
        "spec": {"taints": [taint]} if disk_full else {},
        "status": {
            "capacity": {**resources, "ephemeral-storage": _STORAGE},
            "allocatable": {**resources, "ephemeral-storage": _ALLOCATABLE},
            "conditions": conditions,
            "nodeInfo": _NODE_INFO,
        },
    }


def _disk_pressure(full: bool) -> JsonObject:
    if full:
        return _condition(
            "DiskPressure", True, "KubeletHasDiskPressure", "kubelet has disk pressure"
        )
    words = ("KubeletHasNoDiskPressure", "kubelet has no disk pressure")
    return _condition("DiskPressure", False, *words)

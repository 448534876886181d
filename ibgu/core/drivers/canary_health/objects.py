"""The objects on a cluster that say whether a canary is well, by their names: feedback can't
list."""

from collections.abc import Collection

from ibgu.core.drivers.ibu.preflight.inspection.objects import InspectedObject
from ibgu.core.engine.state.health_observations import ObservedCheck

CONFIG = "config.openshift.io"
NAME = "name"
MACHINES = "machines"
READY = "ready"
CORE = (
    *("dns", "etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler"),
    *("machine-config", "network"),
)
"""The operators without which no cluster works; no installation leaves one out."""
_OTHERS = (
    *("authentication", "baremetal", "cloud-controller-manager", "cloud-credential"),
    *("cluster-api", "cluster-autoscaler", "config-operator", "console"),
    *("control-plane-machine-set", "csi-snapshot-controller", "image-registry", "ingress"),
    *("insights", "kube-storage-version-migrator", "machine-api", "machine-approver"),
    *("marketplace", "monitoring", "node-tuning", "olm", "openshift-apiserver"),
    *("openshift-controller-manager", "openshift-samples", "operator-lifecycle-manager"),
    *("operator-lifecycle-manager-catalog", "operator-lifecycle-manager-packageserver"),
    *("service-ca", "storage"),
)
"""Operators of OpenShift that a release or an installation may leave out."""


def status_of(type_: str) -> str:
    """Returns the name of the value with a condition's status."""
    return f"{type_}-status"


def time_of(type_: str) -> str:
    """Returns the name of the value with the time of a condition's last change."""
    return f"{type_}-since"


def _conditions(*types: str) -> dict[str, str]:
    paths = {}
    for each in types:
        path = f'.status.conditions[?(@.type=="{each}")]'
        paths[status_of(each)] = f"{path}.status"
        paths[time_of(each)] = f"{path}.lastTransitionTime"
    return paths


def _operator(name: str) -> InspectedObject:
    paths = _conditions("Available", "Degraded")
    return InspectedObject(CONFIG, "v1", "ClusterOperator", "clusteroperators", name, paths=paths)


def _pool(name: str) -> InspectedObject:
    paths = {
        MACHINES: ".status.machineCount",
        READY: ".status.readyMachineCount",
        **_conditions("Updated", "Degraded"),
    }
    group = "machineconfiguration.openshift.io"
    return InspectedObject(
        group, "v1", "MachineConfigPool", "machineconfigpools", name, paths=paths
    )


VERSION = InspectedObject(
    CONFIG, "v1", "ClusterVersion", "clusterversions", "version",
    paths={NAME: ".metadata.name", **_conditions("Available", "Failing")},
)  # fmt: skip
OPERATORS = tuple(map(_operator, (*CORE, *_OTHERS)))
MASTER, WORKER = _pool("master"), _pool("worker")


def objects_of(checks: Collection[ObservedCheck]) -> tuple[InspectedObject, ...]:
    """Returns what the checks read; the ClusterVersion, which answers, is always among it."""
    operators = OPERATORS if ObservedCheck.CLUSTER_OPERATORS in checks else ()
    pools = (MASTER, WORKER) if ObservedCheck.NODES in checks else ()
    return (VERSION, *operators, *pools)

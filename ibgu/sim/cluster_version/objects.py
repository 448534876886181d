"""The objects that an update shows: the ClusterVersion, two cluster operators, two pools."""

from hashlib import sha256

from ibgu.core.model.kinds import JsonObject
from ibgu.sim.clock import timestamp
from ibgu.sim.spoke.objects import Key

CLUSTER_VERSION = Key("config.openshift.io", "ClusterVersion", "", "version")
MACHINE_CONFIG = Key("config.openshift.io", "ClusterOperator", "", "machine-config")
ETCD = Key("config.openshift.io", "ClusterOperator", "", "etcd")
STATIC_PODS = tuple(
    Key("config.openshift.io", "ClusterOperator", "", name)
    for name in ("kube-apiserver", "kube-controller-manager", "kube-scheduler")
)
ADMIN_ACKS = Key("", "ConfigMap", "openshift-config", "admin-acks")
SIGNATURES = "openshift-config-managed"
REQUEST_FIELD = "\0".join(("spec", "desiredUpdate", "image"))
"""The path of the release image that is asked for, among the fields that managers own."""
_RELEASES = "quay.io/openshift-release-dev/ocp-release"
HEALTH_CHECK = Key("machine.openshift.io", "MachineHealthCheck", "openshift-machine-api", "worker")
BUDGET = Key("policy", "PodDisruptionBudget", "openshift-machine-api", "database")
_POOLS = "machineconfiguration.openshift.io"
PINS = (_POOLS, "PinnedImageSet")
_LONG_AGO = timestamp(0)
"""Nothing reads when conditions of operators and pools have changed, but their kinds ask for it."""


def image_of(version: str) -> str:
    """Returns the image of the release that a seed comes with."""
    return f"{_RELEASES}@sha256:{sha256(version.encode()).hexdigest()}"


def pool_key(name: str) -> Key:
    return Key(_POOLS, "MachineConfigPool", "", name)


def cluster_version(cluster_id: str, channel: str) -> JsonObject:
    return {
        "apiVersion": "config.openshift.io/v1",
        "kind": CLUSTER_VERSION.kind,
        "metadata": {"name": CLUSTER_VERSION.name},
        "spec": {"clusterID": cluster_id, "channel": channel},
    }


def admin_acks() -> JsonObject:
    meta = {"name": ADMIN_ACKS.name, "namespace": ADMIN_ACKS.namespace}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": {}}


def cluster_operator(name: str) -> JsonObject:
    return {
        "apiVersion": "config.openshift.io/v1",
        "kind": "ClusterOperator",
        "metadata": {"name": name},
        "spec": {},
    }


def operator_status(degraded: str = "") -> JsonObject:
    reason = "Degraded" if degraded else "AsExpected"
    return {
        "conditions": [
            condition("Degraded", str(bool(degraded)), reason, degraded),
            condition("Progressing", "False", "AsExpected"),
            condition("Available", "True", "AsExpected"),
        ]
    }


def pool(name: str) -> JsonObject:
    return {
        "apiVersion": f"{_POOLS}/v1",
        "kind": "MachineConfigPool",
        "metadata": {"name": name},
        "spec": {"paused": False, "configuration": {"name": f"rendered-{name}-1"}},
    }


def health_check() -> JsonObject:
    """Returns the health check of the workers' machines."""
    return {
        "apiVersion": f"{HEALTH_CHECK.group}/v1beta1",
        "kind": HEALTH_CHECK.kind,
        "metadata": {"name": HEALTH_CHECK.name, "namespace": HEALTH_CHECK.namespace},
        "spec": {"selector": {"matchLabels": {"role": "worker"}}, "maxUnhealthy": "40%"},
    }


def budget() -> JsonObject:
    """Returns the budget of the pods that run on workers."""
    return {
        "apiVersion": f"{BUDGET.group}/v1",
        "kind": BUDGET.kind,
        "metadata": {"name": BUDGET.name, "namespace": BUDGET.namespace},
        "spec": {"selector": {"matchLabels": {"app": "database"}}, "minAvailable": 1},
    }


def budget_status(generation: int, blocks: bool) -> JsonObject:
    healthy = 1 if blocks else 2
    return {
        "observedGeneration": generation,
        "disruptionsAllowed": healthy - 1,
        "currentHealthy": healthy,
        "desiredHealthy": 1,
        "expectedPods": healthy,
    }


def pool_status(
    name: str,
    generation: int,
    machines: int,
    updated: int,
    revision: int,
    degraded: str = "",
    paused: bool = False,
) -> JsonObject:
    """Returns the status of a pool of which so many machines have the newest configuration."""
    done = updated == machines
    waits = f"Pool is paused; will not update to MachineConfig rendered-{name}-{revision}"
    return {
        "observedGeneration": generation,
        "configuration": {"name": f"rendered-{name}-{revision if done else revision - 1}"},
        "machineCount": machines,
        "updatedMachineCount": updated,
        "readyMachineCount": updated,
        "unavailableMachineCount": 0 if done or paused else 1,
        "degradedMachineCount": 1 if degraded else 0,
        "conditions": [
            condition("Updated", str(done)),
            condition("Updating", str(not done and not paused), "", waits if paused else ""),
            condition("NodeDegraded", str(bool(degraded)), "", degraded),
            condition("Degraded", str(bool(degraded)), "NodeDegraded", degraded),
        ],
    }


def condition(type_: str, status: str, reason: str = "", message: str = "") -> JsonObject:
    return {
        "type": type_,
        "status": status,
        "reason": reason,
        "message": message,
        "lastTransitionTime": _LONG_AGO,
    }

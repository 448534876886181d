"""The MachineConfigPools and MachineHealthChecks of a cluster, as an update reads them."""

from msgspec import Struct

from ibgu.core.drivers.cluster_version.names import POOL_GROUP
from ibgu.core.drivers.cluster_version.values import (
    SAID,
    Values,
    annotation_path,
    condition,
    condition_paths,
    flag,
    number,
    reported,
    rules,
    string,
)
from ibgu.core.engine.driver import ReadObject
from ibgu.core.model.names import PAUSED_BY

MASTER = "master"
POOLS = (MASTER, "worker")
"""The pools that each cluster has, though that of workers may be missing."""
PAUSE = "cluster.x-k8s.io/paused"
"""The annotation that pauses a MachineHealthCheck, whatever its value."""
_CHECK_GROUP = "machine.openshift.io"
KINDS = frozenset({(POOL_GROUP, "MachineConfigPool"), (_CHECK_GROUP, "MachineHealthCheck")})
_DEGRADED = {"Degraded": SAID}
_OF_POOL = {
    "Generation": ".metadata.generation",
    "Observed": ".status.observedGeneration",
    "Paused": ".spec.paused",
    "PausedBy": annotation_path(PAUSED_BY),
    "Wanted": ".spec.configuration.name",
    "Configuration": ".status.configuration.name",
    "Machines": ".status.machineCount",
    "Updated": ".status.updatedMachineCount",
    "Ready": ".status.readyMachineCount",
    "Unavailable": ".status.unavailableMachineCount",
}
_SYNCHRONIZER = '.status.poolSynchronizersStatus[?(@.poolSynchronizerType=="PinnedImageSets")]'
_OF_PIN = {
    "PinMachines": f"{_SYNCHRONIZER}.machineCount",
    "Pinned": f"{_SYNCHRONIZER}.updatedMachineCount",
}
_PIN_DEGRADED = {"PinnedImageSetsDegraded": SAID}
_OF_CHECK = {
    "Generation": ".metadata.generation",
    "Paused": annotation_path(PAUSE),
    "PausedBy": annotation_path(PAUSED_BY),
}


class PoolView(Struct, frozen=True, kw_only=True):
    """A MachineConfigPool, as fed back."""

    name: str
    known: bool = False
    paused: bool = False
    paused_by: str = ""
    """The uid of the rollout that has paused it; empty: none has."""
    current: bool = False
    """Whether its nodes have its configuration, and its controller has seen its newest spec."""
    machines: int = 0
    updated: int = 0
    unavailable: int = 0
    """The nodes that are drained, restart or are not ready."""
    degraded: str = ""
    """What its controller says of a node that can't take the configuration; empty: it is sound."""
    pin: str = ""
    """The PinnedImageSet that it was asked for and has; empty: none."""
    pin_machines: int = 0
    pinned: int = 0
    """How many of these machines have the images of all its PinnedImageSets."""
    pin_degraded: str = ""
    """Why its controller can't give it PinnedImageSets; empty: it is sound."""

    @property
    def settled(self) -> bool:
        return self.current and self.updated == self.machines and not self.degraded

    @property
    def awaited(self) -> bool:
        """Whether its nodes are still to get its configuration: not while it is paused. A cluster
        may lack the pool of workers; that of masters is always there, reported or not yet."""
        return not (self.paused or self.settled) and (self.known or self.name == MASTER)


class HealthCheckView(Struct, frozen=True, kw_only=True):
    """A MachineHealthCheck, as fed back."""

    name: str
    """namespace/name."""
    paused: bool = False
    paused_by: str = ""
    """The uid of the rollout that has paused it; empty: none has."""


def pool_object(name: str, pin: str = "") -> ReadObject:
    """`pin`: the PinnedImageSet of which the pool is asked how far it is; empty: none."""
    found, conditions = _OF_POOL, _DEGRADED
    if pin:
        has = {"Pin": f'.spec.pinnedImageSets[?(@.name=="{pin}")].name'}
        found, conditions = found | _OF_PIN | has, _DEGRADED | _PIN_DEGRADED
    paths = {f"pool.{name}.{key}": path for key, path in found.items()}
    return ReadObject(
        group=POOL_GROUP,
        kind="MachineConfigPool",
        resource="machineconfigpools",
        name=name,
        paths=rules(paths | condition_paths(f"pool.{name}.", conditions)),
    )


def health_check_object(full_name: str) -> ReadObject:
    """Returns the MachineHealthCheck of this namespace/name."""
    namespace, _, name = full_name.rpartition("/")
    return ReadObject(
        group=_CHECK_GROUP,
        kind="MachineHealthCheck",
        resource="machinehealthchecks",
        namespace=namespace,
        name=name,
        paths=rules({f"check.{full_name}.{key}": path for key, path in _OF_CHECK.items()}),
    )


def read_pools(found: Values) -> tuple[PoolView, ...]:
    """Returns the pools that every cluster has, known or not, and then all others that report."""
    others = (name for name in reported(found, "pool.") if name not in POOLS)
    return tuple(_pool(found, name) for name in (*POOLS, *others))


def read_health_checks(found: Values) -> tuple[HealthCheckView, ...]:
    return tuple(
        HealthCheckView(
            name=name,
            paused=f"check.{name}.Paused" in found,
            paused_by=string(found, f"check.{name}.PausedBy"),
        )
        for name in reported(found, "check.")
    )


def _pool(found: Values, name: str) -> PoolView:
    prefix = f"pool.{name}."
    degraded = condition(found, f"{prefix}Degraded")
    wanted, configuration = (string(found, f"{prefix}{key}") for key in ("Wanted", "Configuration"))
    pins = condition(found, f"{prefix}PinnedImageSetsDegraded")
    seen = number(found, f"{prefix}Generation") == number(found, f"{prefix}Observed")
    return PoolView(
        name=name,
        known=bool(configuration),
        paused=flag(found, f"{prefix}Paused"),
        paused_by=string(found, f"{prefix}PausedBy"),
        current=bool(configuration) and wanted == configuration and seen,
        machines=number(found, f"{prefix}Machines"),
        updated=min(number(found, f"{prefix}{key}") for key in ("Updated", "Ready")),
        unavailable=number(found, f"{prefix}Unavailable"),
        degraded=(degraded.message or "degraded") if degraded.true else "",
        pin=string(found, f"{prefix}Pin"),
        pin_machines=number(found, f"{prefix}PinMachines"),
        pinned=number(found, f"{prefix}Pinned"),
        pin_degraded=(pins.message or "degraded") if pins.true else "",
    )

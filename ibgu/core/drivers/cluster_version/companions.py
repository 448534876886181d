"""The objects on the cluster that an update reads beside the ClusterVersion, and how it writes
those that it pauses and resumes."""

from collections.abc import Sequence

from ibgu.core.drivers.cluster_version.budgets import KIND as BUDGET
from ibgu.core.drivers.cluster_version.budgets import budget_object
from ibgu.core.drivers.cluster_version.feedback import (
    BACKED_UP,
    OPERATORS,
    VersionView,
    operator_object,
)
from ibgu.core.drivers.cluster_version.names import PAUSE_MANAGER
from ibgu.core.drivers.cluster_version.pauses import asked
from ibgu.core.drivers.cluster_version.pools import (
    PAUSE,
    POOLS,
    health_check_object,
    pool_object,
)
from ibgu.core.drivers.cluster_version.precache import pins_of
from ibgu.core.engine.driver import Companion, ReadObject
from ibgu.core.model.kinds import ClusterUpdate, JsonObject
from ibgu.core.model.names import PAUSED_BY

_HEALTH_CHECK = "MachineHealthCheck"
_APPLY: JsonObject = {
    "type": "ServerSideApply",
    "serverSideApply": {"force": True, "fieldManager": PAUSE_MANAGER},
}
_DISARMED: dict[str, JsonObject] = {
    # A health check without a selector has all machines.
    _HEALTH_CHECK: {"maxUnhealthy": "Disarmed"},
    BUDGET: {"maxUnavailable": "Disarmed"},
}
"""A spec with which the API server creates no object of kinds that require nothing; it is ignored
on one that is there."""


def companions(
    update: ClusterUpdate,
    seen: VersionView | None,
    rollout: str,
    *,
    pauses: bool = False,
    resumes: Sequence[str] = (),
) -> list[Companion]:
    """Returns all that is read beside the ClusterVersion. `pauses`: with what the update pauses;
    `resumes`: with these resumed. Only what the cluster reports is written: where its agent may
    create anything, a pool that is not there would be made."""
    reported = set() if seen is None else _reported(seen)
    operators = map(operator_object, dict.fromkeys((*OPERATORS, *BACKED_UP)))
    found = [Companion(read=each, manifest=_disarmed(each)) for each in operators]
    pins = pins_of(update.pre_cache, rollout)
    for name in dict.fromkeys((*POOLS, *asked(update), *pins)):
        is_check = "/" in name
        read = health_check_object(name) if is_check else pool_object(name, pins.get(name, ""))
        manifest, strategy = _disarmed(read), None
        if name in reported and pauses and name in asked(update):
            manifest, strategy = _paused(read, rollout), _APPLY
        elif name in reported and name in resumes:
            manifest, strategy = _resumed(read), _APPLY
        found.append(Companion(read=read, manifest=manifest, strategy=strategy))
    budgets = map(budget_object, dict.fromkeys(update.disruption_budgets))
    return found + [Companion(read=each, manifest=_disarmed(each)) for each in budgets]


def _reported(seen: VersionView) -> set[str]:
    pools = {pool.name for pool in seen.pools if pool.known}
    return pools | {check.name for check in seen.health_checks}


def _bare(read: ReadObject) -> JsonObject:
    version = "v1beta1" if read.kind == _HEALTH_CHECK else "v1"
    metadata = {"name": read.name, **({"namespace": read.namespace} if read.namespace else {})}
    return {
        "apiVersion": f"{read.group}/{version}",
        "kind": read.kind,
        "metadata": metadata,
    }


def _disarmed(read: ReadObject) -> JsonObject:
    """Returns a manifest that reads the object and can't create it."""
    spec = _DISARMED.get(read.kind)
    return _bare(read) | ({"spec": spec} if spec is not None else {})


def _paused(read: ReadObject, rollout: str) -> JsonObject:
    manifest = _bare(read)
    marks = {PAUSED_BY: rollout}
    if read.kind == _HEALTH_CHECK:
        marks[PAUSE] = ""
    else:
        manifest["spec"] = {"paused": True}
    manifest["metadata"] = {**manifest["metadata"], "annotations": marks}
    return manifest


def _resumed(read: ReadObject) -> JsonObject:
    """Returns what takes both annotations away: their owner leaves them out."""
    manifest = _bare(read)
    if read.kind != _HEALTH_CHECK:
        manifest["spec"] = {"paused": False}
    return manifest

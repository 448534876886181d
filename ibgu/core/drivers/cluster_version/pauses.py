"""The pauses of an update on a cluster, and their end: pools, and health checks.

A pool that is paused keeps its nodes at the former release, so that they can follow one pool after
the other; a health check that is paused replaces no node that restarts. What a rollout has paused
carries its uid: no rollout resumes what a person has paused.
"""

from collections.abc import Iterator, Sequence
from datetime import timedelta

from ibgu.core.drivers.cluster_version.budgets import budget_companions
from ibgu.core.drivers.cluster_version.feedback import (
    BACKED_UP,
    OPERATORS,
    VersionView,
    operator_object,
)
from ibgu.core.drivers.cluster_version.names import HEALTH_CHECKS, PAUSE_MANAGER
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

_APPLY: JsonObject = {
    "type": "ServerSideApply",
    "serverSideApply": {"force": True, "fieldManager": PAUSE_MANAGER},
}


def asked(update: ClusterUpdate) -> tuple[str, ...]:
    """Returns the names of all that the update pauses."""
    return (*update.pause.pools, *update.pause.health_checks)


def to_pause(seen: VersionView, update: ClusterUpdate, rollout: str) -> tuple[str, ...]:
    """Returns what is still to be paused before the update, by name."""
    paused = seen.paused_for(rollout)
    return tuple(name for name in asked(update) if name not in paused)


def missing(seen: VersionView, update: ClusterUpdate) -> Iterator[str]:
    """Yields a sentence for each object to pause that the cluster does not have."""
    for name in update.pause.pools:
        if not seen.pool(name).known:
            yield (
                f"the cluster has no MachineConfigPool {name}, which spec.update.pause names: "
                "select clusters that have it"
            )
    known = {check.name for check in seen.health_checks}
    for name in update.pause.health_checks:
        if name not in known:
            yield (
                f"the cluster has no MachineHealthCheck {name}, which spec.update.pause names: "
                "select clusters that have it"
            )


def next_to_resume(seen: VersionView, update: ClusterUpdate, rollout: str) -> str:
    """Returns what Pools resumes next: a pool, in the order of the spec, and all health checks once
    no pool is paused; empty: nothing is."""
    paused = seen.paused_for(rollout)
    pools = [name for name in paused if "/" not in name]
    if pools:
        order = {name: place for place, name in enumerate(update.pause.pools)}
        return min(pools, key=lambda name: order.get(name, len(order)))
    return HEALTH_CHECKS if paused else ""


def soak_before_next(seen: VersionView, update: ClusterUpdate, rollout: str) -> timedelta:
    """Returns how long the cluster must be well before the next pool is resumed; zero where no pool
    is paused any more."""
    pool = next_to_resume(seen, update, rollout) not in ("", HEALTH_CHECKS)
    return timedelta(minutes=update.pause.soak_minutes) if pool else timedelta()


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
    found = [Companion(read=each, manifest=_bare(each)) for each in operators]
    pins = pins_of(update.pre_cache, rollout)
    for name in dict.fromkeys((*POOLS, *asked(update), *pins)):
        is_check = "/" in name
        read = health_check_object(name) if is_check else pool_object(name, pins.get(name, ""))
        manifest = _disarmed_check(read) if is_check else _bare(read)
        strategy = None
        if name in reported and pauses and name in asked(update):
            manifest, strategy = _paused(read, rollout), _APPLY
        elif name in reported and name in resumes:
            manifest, strategy = _resumed(read), _APPLY
        found.append(Companion(read=read, manifest=manifest, strategy=strategy))
    return found + budget_companions(update)


def _reported(seen: VersionView) -> set[str]:
    pools = {pool.name for pool in seen.pools if pool.known}
    return pools | {check.name for check in seen.health_checks}


def _bare(read: ReadObject) -> JsonObject:
    version = "v1beta1" if read.kind == "MachineHealthCheck" else "v1"
    metadata = {"name": read.name, **({"namespace": read.namespace} if read.namespace else {})}
    return {
        "apiVersion": f"{read.group}/{version}",
        "kind": read.kind,
        "metadata": metadata,
    }


def _disarmed_check(read: ReadObject) -> JsonObject:
    """Returns a manifest that can't create the object: its kind requires nothing, and a health
    check without a selector has all machines."""
    return _bare(read) | {"spec": {"maxUnhealthy": "Disarmed"}}


def _paused(read: ReadObject, rollout: str) -> JsonObject:
    manifest = _bare(read)
    marks = {PAUSED_BY: rollout}
    if read.kind == "MachineHealthCheck":
        marks[PAUSE] = ""
    else:
        manifest["spec"] = {"paused": True}
    manifest["metadata"] = {**manifest["metadata"], "annotations": marks}
    return manifest


def _resumed(read: ReadObject) -> JsonObject:
    """Returns what takes both annotations away: their owner leaves them out."""
    manifest = _bare(read)
    if read.kind != "MachineHealthCheck":
        manifest["spec"] = {"paused": False}
    return manifest

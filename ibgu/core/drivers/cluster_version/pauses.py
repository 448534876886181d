"""The pauses of an update on a cluster, and their end: pools, and health checks.

A pool that is paused keeps its nodes at the former release, so that they can follow one pool after
the other; a health check that is paused replaces no node that restarts. What a rollout has paused
carries its uid: no rollout resumes what a person has paused.
"""

from collections.abc import Iterator
from datetime import timedelta

from ibgu.core.drivers.cluster_version.feedback import VersionView
from ibgu.core.drivers.cluster_version.names import HEALTH_CHECKS
from ibgu.core.model.kinds import ClusterUpdate


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

"""The states in which a cluster must not be updated to a release, by what it reports.

The API server takes every request, and `oc` checks most of this on its own side only: who asks
without it gets a refusal that the cluster retries for ever, or an update that can't be taken back.
"""

from collections.abc import Iterator

from ibgu.core.drivers.cluster_version.completion import degraded, waits_for_pool
from ibgu.core.drivers.cluster_version.feedback import VersionView
from ibgu.core.drivers.cluster_version.hops import images_of, next_hop
from ibgu.core.drivers.cluster_version.pauses import missing
from ibgu.core.drivers.cluster_version.pools import PoolView
from ibgu.core.drivers.cluster_version.spec import release_of
from ibgu.core.model.kinds import ClusterUpdate

_MANY_REASONS = "MultipleReasons"
"""The reason of Upgradeable=False that may have a missing admin ack among others."""


def passing(seen: VersionView, update: ClusterUpdate) -> str:
    """Returns what goes on in the cluster and ends by itself, and that an action waits for; empty:
    nothing, or this very update."""
    if next_hop(seen, update).release.image in (seen.history_image, seen.desired_image):
        return ""
    progressing = seen.condition("Progressing")
    if seen.updating:
        return f"an update to {seen.history_version} is under way: {progressing.message}"
    if progressing.true:
        return f"the cluster-version operator is at work: {progressing.message}"
    waiting = (pool for pool in seen.pools if pool.awaited and not pool.degraded)
    return next(map(waits_for_pool, waiting), "")


def hindrances(seen: VersionView, update: ClusterUpdate, rollout: str) -> Iterator[str]:
    """Yields a sentence, with what to do, for each state that an update must not begin in. What the
    rollout itself has paused is none."""
    if asked := asked_for_another(seen, update):
        yield asked
    yield from _of_the_cluster(seen)
    yield from _of_the_release(seen, update)
    for pool in seen.pools:
        yield from _of_the_pool(pool, rollout)
    for check in seen.health_checks:
        if check.paused and check.paused_by != rollout:
            yield f"the MachineHealthCheck {check.name} is paused: resume it first"
    yield from missing(seen, update)
    for name, condition in seen.operators.items():
        if condition.true:
            yield f"the cluster operator {name} is degraded: {condition.message}; repair it first"


def asked_for_another(seen: VersionView, update: ClusterUpdate) -> str:
    """Returns that somebody asks for another release, which this one would replace; empty: no."""
    if not seen.pending or seen.wanted_image in images_of(update):
        return ""
    return (
        f"somebody has asked for {seen.wanted_image}, which the cluster has not begun to apply: "
        "withdraw it first (`oc adm upgrade --clear`)"
    )


def _of_the_cluster(seen: VersionView) -> Iterator[str]:
    invalid, failing = seen.condition("Invalid"), seen.condition("Failing")
    if invalid.true:
        yield f"the ClusterVersion is invalid: {invalid.message}; correct its spec.desiredUpdate"
    if failing.status not in ("", "False"):
        yield f"the cluster-version operator is failing: {failing.message}; repair that first"
    if not seen.condition("Available").true:
        yield (
            "the ClusterVersion is not available: "
            f"{seen.condition('Available').message or 'it has no release yet'}; repair that first"
        )


def _of_the_release(seen: VersionView, update: ClusterUpdate) -> Iterator[str]:
    version = next_hop(seen, update).release.version
    wanted, running = release_of(version), release_of(seen.desired_version)
    if wanted is None or running is None:
        yield f"the cluster's release is not known: {seen.desired_version or '(none)'}"
    elif wanted < running:
        yield (
            f"{version} is older than the cluster's {seen.desired_version}: a cluster can't go back"
        )
    elif wanted[0] != running[0] or wanted[1] > running[1] + 1:
        yield (
            f"from {seen.desired_version} to {version} is more than one minor release: "
            f"{'update to' if update.via else 'name in spec.update.via'} the one between them first"
        )
    elif wanted[1] > running[1]:
        yield from _of_a_minor_release(seen, update, f"ack-{running[0]}.{running[1]}-")


def _of_a_minor_release(seen: VersionView, update: ClusterUpdate, acks: str) -> Iterator[str]:
    """`acks`: how the keys of those begin that the cluster's own minor release asks for."""
    found = seen.condition("Upgradeable")
    may_be_ack = "Ack" in found.reason or found.reason == _MANY_REASONS
    given = any(ack.startswith(acks) for ack in update.acks)
    if found.false and not (given and may_be_ack):
        yield (
            f"the cluster does not allow another minor release ({found.reason}): {found.message}; "
            "do what it asks for, and name acks in spec.update.acks"
        )


def _of_the_pool(pool: PoolView, rollout: str) -> Iterator[str]:
    if pool.paused and pool.paused_by != rollout:
        yield f"the MachineConfigPool {pool.name} is paused: resume it first"
    elif pool.degraded:
        yield f"{degraded(pool)}; repair it first"

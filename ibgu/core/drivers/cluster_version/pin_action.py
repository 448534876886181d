"""PreCache by PinnedImageSets, or by a Job: which way a cluster takes, and how it goes by pins.

A ManifestWork can't list the nodes of a cluster. Its pools count those that have the images.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from enum import StrEnum

from ibgu.core.drivers.cluster_version.completion import degraded
from ibgu.core.drivers.cluster_version.feedback import VersionView
from ibgu.core.drivers.cluster_version.pools import MASTER, PoolView
from ibgu.core.drivers.cluster_version.precache import SINCE, pins_of, pools_to_pin
from ibgu.core.drivers.cluster_version.spec import release_of
from ibgu.core.engine.driver import Verdict, VerdictKind
from ibgu.core.model import Cause, WorkView
from ibgu.core.model.kinds import PreCache

_GRACE = timedelta(minutes=2)
_POOL_GRACE = timedelta(minutes=15)
_PIN_TIME = timedelta(minutes=2)
"""Nodes count as up to date until they have seen that their pool has another set."""
_SLOW = "PinnedImageSet"
"""A node that pulls for longer than five minutes says so in the words of a failure, and goes on."""


class Way(StrEnum):
    PINS = "PinnedImageSets"
    JOB = "Job"
    NONE = ""


def way_of(seen: VersionView, precache: PreCache) -> Way:
    """Returns how the cluster gets the images."""
    if precache.images and _knows_pins(seen):
        return Way.PINS
    # The Job itself checks again that there is one node.
    return Way.JOB if precache.image and seen.nodes <= 1 else Way.NONE


def no_way(seen: VersionView, precache: PreCache) -> str:
    """Returns why the cluster can't get the images, and what to do; empty: it can."""
    way = way_of(seen, precache)
    if way is Way.JOB:
        return ""
    if way is Way.PINS:
        return next(_absent_pools(seen, precache), "")
    runs, nodes = seen.desired_version or "an unknown release", seen.nodes
    if nodes <= 1:
        return (
            f"the cluster runs {runs}, and PinnedImageSets need 4.19 or later: name the image of a "
            "Job in spec.update.preCache.image of a new FleetUpdate"
        )
    remedy = f"the cluster runs {runs}: leave PreCache out for it"
    if _knows_pins(seen):
        remedy = "name the images in spec.update.preCache.images of a new FleetUpdate"
    return f"only PinnedImageSets, from 4.19 on, pull images ahead to {nodes} nodes; {remedy}"


def _absent_pools(seen: VersionView, precache: PreCache) -> Iterator[str]:
    for name in precache.pools:
        if not seen.pool(name).known:
            yield (
                f"the cluster has no MachineConfigPool {name}, which spec.update.preCache.pools "
                "names: select clusters that have it"
            )


def _knows_pins(seen: VersionView) -> bool:
    running = release_of(seen.desired_version)
    return running is not None and running >= SINCE


def verdict_by_pins(work: WorkView, seen: VersionView, precache: PreCache, rollout: str) -> Verdict:
    """Returns how the run goes by the work that brings its sets, and by the cluster's pools."""
    if work.apply_error:
        words = f"the cluster does not take the PinnedImageSets: {work.apply_error}"
        return Verdict(VerdictKind.FAILED, Cause.PRECACHE_FAILED, words, _GRACE)
    if not work.applied:
        words = "the cluster does not have the PinnedImageSets yet"
        return Verdict(VerdictKind.RUNNING, message=words)
    pools = [seen.pool(name) for name in pools_to_pin(precache)]
    # A cluster may lack the pool of workers.
    pools = [pool for pool in pools if pool.known or pool.name in (MASTER, *precache.pools)]
    if failure := next(_failures(pools), ""):
        return Verdict(VerdictKind.FAILED, Cause.PRECACHE_FAILED, failure, _POOL_GRACE)
    if waiting := next(_unbound(pools, pins_of(precache, rollout)), ""):
        words = f"the MachineConfigPool {waiting} does not list its PinnedImageSet yet"
        return Verdict(VerdictKind.RUNNING, message=words)
    done, all_ = map(sum, zip(*map(_counts, pools), strict=True))
    words = f"{done} of {all_} nodes have the images"
    if len(parts := [_progress_of(pool) for pool in pools if any(_counts(pool))]) > 1:
        words = f"{words} ({', '.join(parts)})"
    if done < all_ or any(pool.awaited for pool in pools):
        return Verdict(VerdictKind.RUNNING, message=words)
    return Verdict(VerdictKind.SUCCEEDED, message=words, earliest=_PIN_TIME)


def _failures(pools: Sequence[PoolView]) -> Iterator[str]:
    for pool in pools:
        if pool.pin_degraded:
            yield f"the MachineConfigPool {pool.name} takes no PinnedImageSet: {pool.pin_degraded}"
        if pool.degraded and _SLOW not in pool.degraded:
            yield degraded(pool)


def _unbound(pools: Sequence[PoolView], names: Mapping[str, str]) -> Iterator[str]:
    return (pool.name for pool in pools if pool.pin != names.get(pool.name))


def _counts(pool: PoolView) -> tuple[int, int]:
    return min(pool.pinned, pool.machines), max(pool.pin_machines, pool.machines)


def _progress_of(pool: PoolView) -> str:
    return "{}: {} of {}".format(pool.name, *_counts(pool))

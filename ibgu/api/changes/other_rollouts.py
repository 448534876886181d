"""Determines which other rollout has a cluster of a rollout, named as the caller may know it."""

from collections.abc import Callable, Collection, Mapping, Sequence

from msgspec import Struct

from ibgu.api.requests.access import Caller
from ibgu.core.model import Outcome, Rollout, declared, traits
from ibgu.db.reads import Reads
from ibgu.db.reads.later import LaterMembership


class OtherRollouts(Struct, frozen=True):
    """OtherRollouts are those beside one rollout that have its clusters: they have acted there."""

    newer: Mapping[str, str]
    """The newest later rollout that has acted on a cluster."""
    waiting: Mapping[str, str] = {}
    """The newest later rollout in which a cluster only waits."""
    holders: Mapping[str, str] = {}
    """The rollout that has claimed the cluster."""
    aborted: frozenset[str] = frozenset()
    """The failed clusters that a later rollout, which did nothing else, has taken back to Idle:
    they are as they were."""


async def others_of(
    rollout: Rollout, clusters: Sequence[str], reads: Reads, caller: Caller
) -> OtherRollouts:
    taken = await reads.taken_later(rollout, clusters)
    claimed = await reads.claimed_elsewhere(rollout.uid, clusters)
    namespaces = {
        each.rollout.namespace
        for by_cluster in (taken, claimed)
        for found in by_cluster.values()
        for each in found
    }
    readable = await caller.readable(namespaces)
    named = naming(rollout.namespace, readable)
    holding = naming(rollout.namespace, readable, "another rollout")

    def names_where(fits: Callable[[LaterMembership], bool]) -> dict[str, str]:
        fitting = {name: [each for each in found if fits(each)] for name, found in taken.items()}
        return {name: named(each.rollout) for name, each in newest(fitting).items()}

    return OtherRollouts(
        newer=names_where(has_taken),
        waiting=names_where(lambda each: not each.acted and each.outcome is None),
        holders={name: holding(each.rollout) for name, each in newest(claimed).items()},
        aborted=frozenset(name for name, found in taken.items() if any(map(_taken_back, found))),
    )


def has_taken(later: LaterMembership) -> bool:
    """Returns whether the cluster is the later rollout's. One that only waits for it, or has ended
    without doing anything there, is none of its owners."""
    return later.acted and not (_taken_back(later) or _over(later))


def _taken_back(taken: LaterMembership) -> bool:
    actions = [action for item in taken.rollout.spec.plan for action in item.actions]
    only = all(declared(action) and traits(action).after_failure for action in actions)
    return only and taken.outcome is Outcome.SUCCEEDED


def _over(taken: LaterMembership) -> bool:
    """Whether the rollout is deleted and done with the cluster: only the labels tell of it now."""
    return taken.rollout.deleted_at is not None and taken.outcome is not None


def newest(taken: Mapping[str, Sequence[LaterMembership]]) -> dict[str, LaterMembership]:
    return {cluster: found[-1] for cluster, found in taken.items() if found}


def naming(
    namespace: str, readable: Collection[str], hidden: str = "a newer rollout"
) -> Callable[[Rollout], str]:
    """Returns a function that names a rollout; without the right to its namespace the name is
    `hidden`."""

    def named(of: Rollout) -> str:
        if of.namespace == namespace:
            return of.name
        return of.full_name if of.namespace in readable else hidden

    return named

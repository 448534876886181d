"""Judges a start by one version of a RolloutPolicy (R50.1, R50.3, and the other rules by modules
of their own).

The history has the labels of the cluster that starts, and of its rollout, but not those of other
clusters then. What depends on them is said to be unknown, unless it makes no difference.
"""

from collections.abc import Iterable, Iterator

from msgspec.structs import replace

from ibgu.core.assurance.certify.policy_approvals import of_approvals
from ibgu.core.assurance.certify.policy_failures import of_failures
from ibgu.core.assurance.certify.policy_starts import (
    CLUSTERS,
    ROLLOUTS,
    UNFOLLOWED,
    Objection,
    Start,
    about,
    holds,
    named,
    of_cluster,
    selection,
)
from ibgu.core.assurance.certify.policy_times import of_times
from ibgu.core.model.rollout_policy import RolloutPolicySpec

SHARES = "how many clusters a share is of"


def objection(
    spec: RolloutPolicySpec | None, start: Start, more: Iterable[Objection] = ()
) -> Objection | None:
    """Returns why the policy does not allow the start: what is certain first. None: it does.
    `more`: what else the policy has against it."""
    if spec is None:
        return Objection(unknown=UNFOLLOWED)
    held = about(spec, start)
    if held is False:
        return None
    own = of_cluster(spec, start)
    found = [*of_times(own, start), *_limits(own, start), *of_failures(spec, start), *more]
    found += of_approvals(own, start)
    if held is None:
        found = [replace(each, unknown=each.unknown or ROLLOUTS) for each in found]
    return min(found, key=lambda each: (bool(each.unknown), bool(each.if_there)), default=None)


def _limits(spec: RolloutPolicySpec, start: Start) -> Iterator[Objection]:
    """Yields which limits are reached. Where labels decide on who counts, a start is certainly
    within a limit that all clusters in flight together do not reach."""
    if any(holds(spec, action) for action in start.rest):
        yield from _in_flight(spec, start)
        yield from _topologies(spec, start)
        yield from _neighbours(spec, start)


def _in_flight(spec: RolloutPolicySpec, start: Start) -> Iterator[Objection]:
    count = len(start.others)
    if isinstance(spec.in_flight, int):
        if count >= spec.in_flight:
            words = f"with {count} in flight, and inFlight is {spec.in_flight}"
            yield Objection("R50.3", words, selection(spec), start.others)
    elif spec.in_flight and count:  # A share is one cluster at least.
        yield Objection(unknown=SHARES)


def _topologies(spec: RolloutPolicySpec, start: Start) -> Iterator[Objection]:
    for limit in spec.per_topology:
        if len(start.others) >= limit.maximum:
            yield Objection(unknown=CLUSTERS)


def _neighbours(spec: RolloutPolicySpec, start: Start) -> Iterator[Objection]:
    for group in spec.never_together:
        beside = [name for name in group.clusters if name in start.others]
        if start.cluster in group.clusters and beside:
            words = f"beside {named(beside)}, in spite of neverTogether"
            yield Objection("R50.3", words, others=beside)

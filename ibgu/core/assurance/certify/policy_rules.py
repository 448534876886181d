"""Judges a start by one version of a RolloutPolicy (R50.1, R50.3, and the other rules by modules
of their own).

The history has the labels of clusters from when they started, and of their rollouts. What depends
on labels that it does not have is said to be unknown, unless it makes no difference.
"""

from collections.abc import Iterable, Iterator, Mapping

from msgspec.structs import replace

from ibgu.core.assurance.certify.policy_approvals import of_approvals
from ibgu.core.assurance.certify.policy_failures import of_failures
from ibgu.core.assurance.certify.policy_selectors import both, selects
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
    own_selection,
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
    return min(found, key=_uncertainty, default=None)


def _uncertainty(found: Objection) -> tuple[bool, bool]:
    return bool(found.unknown), bool(found.if_there or found.if_unchanged)


def _limits(spec: RolloutPolicySpec, start: Start) -> Iterator[Objection]:
    """Yields which limits are reached. Where it is not known who counts, a start is certainly
    within a limit that all clusters in flight together do not reach."""
    if any(holds(spec, action) for action in start.rest):
        yield from _in_flight(spec, start)
        yield from _topologies(spec, start)
        yield from _neighbours(spec, start)


def _in_flight(spec: RolloutPolicySpec, start: Start) -> Iterator[Objection]:
    most = spec.in_flight
    if isinstance(most, int):
        counted = {name: selects(spec.clusters, start.facts_of(name)) for name in start.others}
        found = _full(counted, most)
        if found is not None:
            words = f"with {len(found.others)} in flight, and inFlight is {most}"
            unknown = found.unknown or own_selection(spec, start)
            by_labels = found.if_unchanged if selection(spec) else frozenset[str]()
            yield replace(found, words=words, unknown=unknown, if_unchanged=by_labels)
    elif most and start.others:  # A share is one cluster at least.
        yield Objection(unknown=SHARES)


def _topologies(spec: RolloutPolicySpec, start: Start) -> Iterator[Objection]:
    for limit in spec.per_topology:
        label, mine = limit.label, start.facts.labels
        counted = {
            name: both(
                selects(spec.clusters, start.facts_of(name)),
                _same(label, mine, start.facts_of(name).labels),
            )
            for name in start.others
        }
        found = _full(counted, limit.maximum)
        if found is not None:
            where = f"with {label}={mine[label]}" if mine.get(label) else f"without {label}"
            count = len(found.others)
            words = f"with {count} in flight {where}, and perTopology allows {limit.maximum}"
            unknown = found.unknown or own_selection(spec, start)
            yield replace(found, words=words, unknown=unknown)


def _same(
    label: str, mine: Mapping[str, str | None], other: Mapping[str, str | None]
) -> bool | None:
    """Returns whether two clusters have one value of the label, or both have none; None: that is
    not known."""
    if label not in mine or label not in other:
        return None
    return (mine[label] or "") == (other[label] or "")


def _full(counted: Mapping[str, bool | None], most: int) -> Objection | None:
    """Returns that there was no room beside other clusters in flight; None: there was. `counted`:
    whether each takes room, as far as it is known."""
    certain = [name for name, takes in counted.items() if takes]
    possible = [name for name, takes in counted.items() if takes is not False]
    if len(possible) < most:
        return None
    if len(certain) < most:
        return Objection(unknown=CLUSTERS)
    return Objection("R50.3", others=certain, if_unchanged=frozenset(certain), least=most)


def _neighbours(spec: RolloutPolicySpec, start: Start) -> Iterator[Objection]:
    for group in spec.never_together:
        beside = [name for name in group.clusters if name in start.others]
        if start.cluster in group.clusters and beside:
            words = f"beside {named(beside)}, in spite of neverTogether"
            yield Objection("R50.3", words, others=beside)

"""Judges a start by the limits of a policy (R50.3): how many clusters are in flight on the hub.

Starts have recorded by which labels others count (R44.2). One is certainly wrong if the clusters
that certainly count fill the limit, and certainly right if all that may count do not.
"""

from collections.abc import Callable, Collection, Iterator

from msgspec import Struct

from ibgu.core.model.rollout_policy import RolloutPolicySpec, TopologyLimit
from ibgu.core.model.start_facts import Labels
from tests.oracle.policy_selectors import selects
from tests.oracle.policy_starts import (
    CLUSTERS,
    Objection,
    Start,
    holds,
    named,
    own_selection,
    selection,
)

SHARES = "how many clusters a share is of"
_Counts = Callable[[Labels], bool | None]
"""Returns whether a cluster with these labels counts; None: that is not known."""


class _Beside(Struct, frozen=True):
    """_Beside are the other clusters in flight that count."""

    certain: Collection[str]
    possible: int
    """The number of those of which it is not known."""

    def against(self, most: int, words: str, own: str) -> Iterator[Objection]:
        """Yields that the limit is reached. `own`: what is not known of the cluster itself."""
        if len(self.certain) >= most:
            yield Objection("R50.3", words, own, self.certain)
        elif len(self.certain) + self.possible >= most:
            yield Objection(unknown=CLUSTERS)


def of_limits(spec: RolloutPolicySpec, start: Start) -> Iterator[Objection]:
    """Yields which limits are reached; only the first action of a chain may be kept by them."""
    if any(holds(spec, action) for action in start.rest):
        yield from _in_flight(spec, start)
        yield from _topologies(spec, start)
        yield from _neighbours(spec, start)


def _in_flight(spec: RolloutPolicySpec, start: Start) -> Iterator[Objection]:
    if spec.in_flight == "" or not start.others:  # A share is one cluster at least.
        return
    most = spec.in_flight if isinstance(spec.in_flight, int) else _share(spec.in_flight, start)
    if most is None:
        yield Objection(unknown=SHARES)
    elif len(start.others) >= most:
        beside = _count(start, lambda labels: selects(spec.clusters, labels), not selection(spec))
        words = f"with {len(beside.certain)} in flight, and inFlight is {spec.in_flight}"
        of = "" if most == spec.in_flight else f" of {start.policy_facts.selected}"
        yield from beside.against(most, words + of, own_selection(spec, start))


def _share(percent: str, start: Start) -> int | None:
    """Returns how many clusters the share is; None: that is not known."""
    number = percent.removesuffix("%")
    if start.policy_facts.selected is None or not number.isdecimal():
        return None
    return max(1, start.policy_facts.selected * int(number) // 100)


def _topologies(spec: RolloutPolicySpec, start: Start) -> Iterator[Objection]:
    for limit in spec.per_topology:
        if len(start.others) >= limit.maximum:
            yield from _topology(spec, limit, start)


def _topology(spec: RolloutPolicySpec, limit: TopologyLimit, start: Start) -> Iterator[Objection]:
    """Yields that as many clusters with the same value are in flight; those without the label count
    together."""
    label = limit.label
    if label not in start.facts.labels:
        yield Objection(unknown=CLUSTERS)
        return
    value = start.facts.labels[label] or ""

    def counts(labels: Labels) -> bool | None:
        if label in labels and (labels[label] or "") != value:
            return False
        selected = selects(spec.clusters, labels)
        return selected if label in labels or selected is False else None

    beside = _count(start, counts)
    where = f"with {label}={value}" if value else f"without the label {label}"
    count = f"with {len(beside.certain)} in flight {where}"
    words = f"{count}, and perTopology allows {limit.maximum}"
    yield from beside.against(limit.maximum, words, own_selection(spec, start))


def _neighbours(spec: RolloutPolicySpec, start: Start) -> Iterator[Objection]:
    for group in spec.never_together:
        beside = [name for name in group.clusters if name in start.others]
        if start.cluster in group.clusters and beside:
            words = f"beside {named(beside)}, in spite of neverTogether"
            yield Objection("R50.3", words, others=beside)


def _count(start: Start, counts: _Counts, unknown_counts: bool = False) -> _Beside:
    """`unknown_counts`: whether clusters of which no labels are known count all the same."""
    certain, possible = [], 0
    for name in start.others:
        labels = start.labels.get(name) if start.facts.beside is not None else None
        found = counts(labels) if labels is not None else unknown_counts or None
        if found:
            certain.append(name)
        elif found is None:
            possible += 1
    return _Beside(certain, possible)

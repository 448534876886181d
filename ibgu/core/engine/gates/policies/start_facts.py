"""Reads the facts of a start that policies decide by, for the history (R44.2)."""

from collections.abc import Iterable, Iterator

from msgspec import Struct

from ibgu.core.engine.gate import ActionFilter
from ibgu.core.engine.gates.policies.times import Durations, own_zone, time_needed
from ibgu.core.model import ActionName, ClusterView, traits
from ibgu.core.model.kinds import LabelSelector
from ibgu.core.model.rollout_policy import RolloutPolicySpec
from ibgu.core.model.start_facts import StartFacts
from ibgu.core.plan.tenancy import CLUSTER_SET_LABEL


class FactReader(Struct, frozen=True):
    """FactReader knows what one policy reads of a start, besides labels."""

    zoned: bool
    """Whether a window is in the time zone of each cluster."""
    fit: ActionFilter | None
    """The actions that have to end within a window; None: none has to."""
    durations: Durations


def reader(
    spec: RolloutPolicySpec, actions: ActionFilter, durations: Durations
) -> FactReader | None:
    """Returns what the policy needs to know of a start; None: nothing but labels."""
    zoned = any(not each.time_zone for each in spec.windows)
    fit = actions if spec.fit and spec.windows else None
    return FactReader(zoned, fit, durations) if zoned or fit else None


def start_facts(
    readers: Iterable[FactReader], action: ActionName, cluster: ClusterView
) -> StartFacts:
    """Returns what the policies read of a cluster that starts the action, besides labels."""
    zone: str | None = None
    needed: float | None = None
    for each in readers:
        if each.zoned:
            known, _ = own_zone(cluster)
            zone = known.key if known is not None else ""
        if each.fit is not None and each.fit(traits(action)):
            needed = time_needed(action, each.durations()).total_seconds()
    return StartFacts(time_zone=zone, expected_seconds=needed)


def cluster_keys(spec: RolloutPolicySpec) -> Iterator[str]:
    """Yields the keys of the labels by which the policy selects clusters and canaries, and counts
    what is in flight."""
    if spec.clusters.cluster_sets:
        yield CLUSTER_SET_LABEL
    canaries = spec.canaries.selector if spec.canaries is not None else None
    yield from selector_keys(spec.clusters.selector)
    yield from selector_keys(canaries or LabelSelector())
    yield from (each.label for each in spec.per_topology)


def selector_keys(selector: LabelSelector) -> Iterator[str]:
    """Yields the keys of the labels that the selector reads."""
    yield from selector.match_labels
    yield from (each.key for each in selector.match_expressions)

"""Reads the facts of a start that policies decide by, for the history (R44.2)."""

from collections.abc import Iterable, Iterator, Mapping

from msgspec import Struct

from ibgu.core.engine.gate import ActionFilter
from ibgu.core.engine.gates.policies.times import Durations, own_zone, time_needed
from ibgu.core.model import ActionName, ClusterView, traits
from ibgu.core.model.kinds import LabelSelector
from ibgu.core.model.rollout_policy import RolloutPolicySpec
from ibgu.core.model.start_facts import StartFacts
from ibgu.core.plan.tenancy import CLUSTER_SET_LABEL

_NOTHING = StartFacts()


class NeededFacts(Struct, frozen=True):
    """NeededFacts says which facts of a start one policy reads."""

    labels: frozenset[str]
    """The keys of labels that select clusters."""
    zoned: bool
    """Whether a window is in the time zone of each cluster."""
    fit: ActionFilter | None
    """The actions that have to end within a window; None: none has to."""
    durations: Durations


def needed_facts(
    spec: RolloutPolicySpec, actions: ActionFilter, durations: Durations
) -> NeededFacts | None:
    """Returns which facts the policy reads; None: none."""
    labels = frozenset(_keys(spec))
    zoned = any(not each.time_zone for each in spec.windows)
    fit = actions if spec.fit and spec.windows else None
    return NeededFacts(labels, zoned, fit, durations) if labels or zoned or fit else None


def start_facts(
    needs: Iterable[NeededFacts],
    rollout_labels: Mapping[str, str | None],
    action: ActionName,
    cluster: ClusterView,
) -> StartFacts | None:
    """Returns what the policies read of the cluster and its rollout; None: they need nothing."""
    labels: dict[str, str | None] = {}
    zone: str | None = None
    seconds: float | None = None
    for each in needs:
        labels |= {key: cluster.labels.get(key) for key in sorted(each.labels)}
        if each.zoned:
            known, _ = own_zone(cluster)
            zone = known.key if known is not None else ""
        if each.fit is not None and each.fit(traits(action)):
            seconds = time_needed(action, each.durations()).total_seconds()
    found = StartFacts(labels, rollout_labels, zone, seconds)
    return found if found != _NOTHING else None


def _keys(spec: RolloutPolicySpec) -> Iterator[str]:
    """Yields the keys of the labels by which the policy selects clusters and canaries."""
    if spec.clusters.cluster_sets:
        yield CLUSTER_SET_LABEL
    canaries = spec.canaries.selector if spec.canaries is not None else None
    yield from selector_keys(spec.clusters.selector)
    yield from selector_keys(canaries or LabelSelector())


def selector_keys(selector: LabelSelector) -> Iterator[str]:
    """Yields the keys of the labels that the selector reads."""
    yield from selector.match_labels
    yield from (each.key for each in selector.match_expressions)

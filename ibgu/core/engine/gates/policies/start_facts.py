"""Reads the facts of a start that policies decide by, for the history (R44.2)."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence

from msgspec import Struct

from ibgu.core.engine.gate import ActionFilter
from ibgu.core.engine.gates.policies.times import Durations, own_zone, time_needed
from ibgu.core.engine.state.budgets import CountedFailures, PolicyBudget
from ibgu.core.engine.state.canaries import PolicyCanaries
from ibgu.core.engine.state.policy_limits import PolicyLimits
from ibgu.core.engine.state.snapshot import StartingMember
from ibgu.core.model import traits
from ibgu.core.model.kinds import LabelSelector
from ibgu.core.model.rollout_policy import RolloutPolicySpec
from ibgu.core.model.start_facts import MAX_NAMES, Labels, PolicyFacts, StartFacts
from ibgu.core.plan.policies import cluster_keys, selector_keys

_NOTHING = StartFacts()
_NOTHING_MORE = PolicyFacts()


class NeededFacts(Struct, frozen=True):
    """NeededFacts says which facts of a start one policy reads."""

    policy: str
    labels: frozenset[str]
    """The keys of labels that select clusters, or tell which of them count together."""
    zoned: bool
    """Whether a window is in the time zone of each cluster."""
    fit: ActionFilter | None
    """The actions that have to end within a window; None: none has to."""
    durations: Durations
    counts_labels: bool
    """Whether a limit of the policy counts clusters by their labels."""
    share: PolicyLimits | None
    """The policy's limits, if one is a share of the clusters that it selects."""
    canaries: PolicyCanaries | None
    budget: PolicyBudget | None
    """The policy's failure budget, if labels decide on what counts."""
    authors: bool
    """Whether authors of steps may not approve them."""

    def of_policy(self, start: StartingMember) -> PolicyFacts:
        """Returns what is read for this policy alone."""
        step, now, canaries = start.step, start.now, self.canaries
        names, well_since, counted = None, None, CountedFailures()
        if canaries is not None and canaries.concern(step):
            names = _bounded(canaries.of(step, now)) if canaries.by_labels else None
            well_since = canaries.peek(step, now).well_since
        if self.budget is not None:
            counted = self.budget.counted(start.fleet.failures, start.tracked, step)
        return PolicyFacts(
            selected=self.share.selected if self.share is not None else None,
            canaries=names,
            well_since=well_since,
            failed=_bounded(counted.clusters) if self.budget is not None else None,
            among=counted.among,
        )


def start_facts(
    needs: Iterable[NeededFacts],
    rollout_labels: Labels,
    start: StartingMember,
    unrecorded: Callable[[], Mapping[str, Labels | None]],
) -> StartFacts | None:
    """Returns what the policies read of the cluster and its rollout; None: they need nothing.
    `unrecorded` returns by which labels claimed clusters count, where the history does not have
    them."""
    labels: dict[str, str | None] = {}
    zone: str | None = None
    seconds: float | None = None
    author: str | None = None
    beside: Mapping[str, Labels | None] | None = None
    policies: dict[str, PolicyFacts] = {}
    cluster, action = start.cluster, start.action
    forward = not traits(action).leads_back
    for each in needs:
        labels |= {key: cluster.labels.get(key) for key in sorted(each.labels)}
        if each.zoned:
            known, _ = own_zone(cluster)
            zone = known.key if known is not None else ""
        if each.fit is not None and each.fit(traits(action)):
            seconds = time_needed(action, each.durations()).total_seconds()
        if each.authors:
            author = start.author
        if each.counts_labels and beside is None:
            beside = unrecorded()
        if forward and (more := each.of_policy(start)) != _NOTHING_MORE:
            policies[each.policy] = more
    found = StartFacts(labels, rollout_labels, zone, seconds, beside, author, policies)
    return found if found != _NOTHING else None


def label_keys(spec: RolloutPolicySpec) -> Iterator[str]:
    """Yields the keys of the labels by which the policy selects clusters and canaries."""
    canaries = spec.canaries.selector if spec.canaries is not None else None
    yield from cluster_keys(spec.clusters)
    yield from selector_keys(canaries or LabelSelector())


def _bounded(names: Collection[str]) -> Sequence[str] | None:
    return sorted(names) if len(names) <= MAX_NAMES else None

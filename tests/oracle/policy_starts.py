"""A start, and what a policy has against it."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from ibgu.core.model.grants import Grants
from ibgu.core.model.rollout_policy import RolloutPolicySpec
from ibgu.core.model.start_facts import Labels, PolicyFacts, StartFacts
from ibgu.core.text.counted import first_names
from tests.oracle.policy_ends import MemberEnd, RolloutProgress
from tests.oracle.policy_selectors import EVERY_CLUSTER, matches, selects

CLUSTERS = "labels of clusters"
ROLLOUTS = "labels of rollouts"
BEFORE = "events from before a restore or a takeover"
UNFOLLOWED = "what a policy means that can't be read"
_OF_A_CLUSTER: Mapping[str, Any] = {
    "windows": [],
    "freezes": [],
    "in_flight": "",
    "per_topology": [],
    "approval": None,
    "preflight": None,
    "warnings": None,
    "backup": None,
}
"""What a policy may say of a cluster that starts, whatever has failed; here it says nothing."""
_NAMED = 5
"""The clusters that a message names."""


class UnmetDemands(Struct, frozen=True):
    """UnmetDemands is what a start lacks that a policy may demand."""

    preflight: str = ""
    """What preflight has against it, or that it has not judged the step; empty: nothing."""
    evaluated: int = 0
    """The event of preflight's evaluation."""
    warning: str = ""
    """The cluster's warning that nobody has accepted; empty: there is none."""
    backups: frozenset[str] = frozenset()
    """The actions ahead that a backup could come before, if the rollout asks for none."""
    restored: bool = False
    """Whether a restore may have taken what its annotations asked for out of the history."""


class Start(Struct, frozen=True):
    """Start is an action that a cluster begins, and what was in flight then."""

    at: datetime
    namespace: str
    cluster: str
    action: str
    """The action of the plan, of which a part may begin."""
    rest: Collection[str]
    """The actions for which the cluster takes its slot; empty: it has had the slot before."""
    ahead: Collection[str]
    """The action and those that follow it in the step."""
    others: Collection[str]
    """The other clusters that any rollout has in flight."""
    step: int
    """The index of its step."""
    grants: Grants
    """What people had granted the rollout by then."""
    progress: RolloutProgress
    """How far the rollout has come."""
    stopped_by_failures: bool | None
    """Whether too many failures hold the action here; None: that is not known."""
    unmet: UnmetDemands = UnmetDemands()
    is_canary: bool | None = False
    """Whether the cluster is a canary of any policy; None: that is not known."""
    failed_on_hub: Callable[[datetime], Sequence[MemberEnd]] = lambda moment: ()
    """Returns which clusters had failed in any rollout of the hub, after a time."""
    facts: StartFacts = StartFacts()
    """What the policies of that time read of the cluster."""
    labels: Mapping[str, Labels | None] = {}
    """The labels by which the clusters in flight count; None, or no cluster: they are not known."""
    policy_facts: PolicyFacts = PolicyFacts()
    """What the policy that judges had read besides."""


class Objection(Struct, frozen=True):
    """Objection is why a policy does not allow a start."""

    rule: str = ""
    """The number of the rule that the start breaks."""
    words: str = ""
    unknown: str = ""
    """What would have to be known to be certain; empty: nothing."""
    others: Collection[str] = ()
    """The clusters in flight that the start does not go with."""
    events: Collection[int] = ()
    """The events that the start does not go with."""
    if_there: frozenset[str] = frozenset()
    """The uids of clusters of which one must still have been on the hub; empty: no matter."""
    until: datetime | None = None
    """When the policy would allow it by itself; None: that depends on what else happens."""


def named(clusters: Iterable[str]) -> str:
    """Returns the first names, for a message."""
    return first_names(clusters, _NAMED)


def selection(spec: RolloutPolicySpec) -> str:
    """Returns what is not known of which clusters the policy selects; empty: it selects all."""
    return "" if spec.clusters == EVERY_CLUSTER else CLUSTERS


def own_selection(spec: RolloutPolicySpec, start: Start) -> str:
    """Returns what is not known of whether the policy selects the start's cluster; empty: it
    does."""
    return "" if selects(spec.clusters, start.facts.labels) else CLUSTERS


def of_cluster(spec: RolloutPolicySpec, start: Start) -> RolloutPolicySpec:
    """Returns what a policy says of the start's cluster alone, or of it as a neighbour. Failures
    and canaries may hold a whole step, of which it may select other clusters."""
    if selects(spec.clusters, start.facts.labels) is not False:
        return spec
    return replace(spec, **_OF_A_CLUSTER)


def behind_glass(spec: RolloutPolicySpec | None) -> RolloutPolicySpec:
    """Returns what a policy still says of a rollout for which somebody has broken its glass
    (R50.14): failures hold as before."""
    return replace(spec or RolloutPolicySpec(), never_together=[], **_OF_A_CLUSTER)


def holds(spec: RolloutPolicySpec, action: str) -> bool:
    return not spec.actions or action in spec.actions


def about(spec: RolloutPolicySpec, start: Start) -> bool | None:
    """Returns whether the policy selects the rollout; None: that is not known."""
    if spec.rollouts.namespaces and start.namespace not in spec.rollouts.namespaces:
        return False
    return matches(spec.rollouts.selector, start.facts.rollout_labels)

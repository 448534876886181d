"""A start, and what a policy has against it."""

from collections.abc import Collection, Iterable
from datetime import datetime

from msgspec import Struct

from ibgu.core.assurance.certify.policy_ends import RolloutProgress
from ibgu.core.model.grants import Grants
from ibgu.core.model.kinds import LabelSelector
from ibgu.core.model.rollout_policy import PolicyClusters, RolloutPolicySpec

CLUSTERS = "labels of clusters"
ROLLOUTS = "labels of rollouts"
BEFORE = "events from before a restore or a takeover"
UNFOLLOWED = "what a policy means that can't be read"
EVERY_ROLLOUT = LabelSelector()
_EVERY_CLUSTER = PolicyClusters()
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
    names = list(clusters)
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more


def selection(spec: RolloutPolicySpec) -> str:
    """Returns what is not known of whether the policy selects a cluster; empty: it does."""
    return "" if spec.clusters == _EVERY_CLUSTER else CLUSTERS


def holds(spec: RolloutPolicySpec, action: str) -> bool:
    return not spec.actions or action in spec.actions


def about(spec: RolloutPolicySpec, start: Start) -> bool:
    """Returns whether the policy may hold the rollout, as far as its namespace says."""
    return not spec.rollouts.namespaces or start.namespace in spec.rollouts.namespaces

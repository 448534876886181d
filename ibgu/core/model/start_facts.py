"""The facts of a start that policies read."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from msgspec import Struct

Labels = Mapping[str, str | None]
"""Labels by key; None: the object does not have that label."""
MAX_NAMES = 50
"""The most clusters that a start names of what a policy counts; more are not recorded."""


class PolicyFacts(Struct, frozen=True, gc=False, omit_defaults=True, rename="camel"):
    """PolicyFacts is what one policy has read besides. A field is None if the policy does not read
    it, or if there are more than MAX_NAMES."""

    selected: int | None = None
    """How many clusters of the hub the policy selects, if it limits a share of them."""
    canaries: Sequence[str] | None = None
    """The canaries of the step, if labels decide on that."""
    well_since: datetime | None = None
    """Since when all canaries of the step are well that have succeeded and are on the hub; None:
    one is not."""
    failed: Sequence[str] | None = None
    """The clusters whose failures the policy's budget counts, if labels decide on that."""
    among: int | None = None
    """The number of clusters of which that budget is a share; None: it is none, or nothing has
    failed."""


class StartFacts(Struct, frozen=True, gc=False, omit_defaults=True, rename="camel"):
    """StartFacts is what the policies in force decide by, of a cluster that starts an action. The
    history keeps it, so that the start can be judged again (R44.2)."""

    labels: Labels = {}
    """The labels of the ManagedCluster by which policies select clusters and canaries, and count
    them."""
    rollout_labels: Labels = {}
    """The labels of the rollout's object by which policies select rollouts."""
    time_zone: str | None = None
    """The time zone of the cluster, if a window is in that; empty: it has none that is known."""
    expected_seconds: float | None = None
    """The seconds within which the action usually ends, and the way back from it, if a policy
    starts only what ends within its window."""
    beside: Mapping[str, Labels | None] | None = None
    """The labels by which limits of policies count the clusters in flight, whatever rollouts they
    belong to, by name: those that no start before has recorded. A cluster with None is one whose
    labels are not known. None: no limit counts by labels."""
    author: str | None = None
    """The user who has proven that the step is theirs, if a policy asks for other people; empty:
    nobody has."""
    policies: Mapping[str, PolicyFacts] = {}
    """What single policies have read, by name."""

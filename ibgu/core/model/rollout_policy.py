"""RolloutPolicy (ibgu.dev/v1alpha1): what the owners of the network allow rollouts to do.

A policy that a newer version of ibgu understands is not followed in part: fields that are not known
here make it unreadable.
"""

from msgspec import Struct

from ibgu.core.model.kinds import LabelSelector, ObjectMeta


class PolicyRollouts(Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """PolicyRollouts selects the rollouts that a policy holds; both must match."""

    namespaces: list[str] = []
    """Empty: those of every namespace."""
    selector: LabelSelector = LabelSelector()
    """Selects by the labels of the ImageBasedGroupUpgrade or FleetUpdate; empty: all of them."""


class PolicyClusters(Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """PolicyClusters selects the clusters that a policy is about; both must match."""

    cluster_sets: list[str] = []
    """Names of ManagedClusterSets; empty: the clusters of every set, and those of none."""
    selector: LabelSelector = LabelSelector()
    """Selects by the labels of the ManagedCluster; empty: all of them."""


class TopologyLimit(Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """TopologyLimit is how many clusters with one value of a label may be in flight at once."""

    label: str
    maximum: int = 1


class Neighbours(Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """Neighbours are clusters of which only one may be in flight at once."""

    clusters: list[str]


class PolicyWindow(Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """PolicyWindow is when clusters may start, in the time of each cluster's own zone."""

    cron: str
    """When the window opens: five fields, as of cron."""
    duration_minutes: int
    time_zone: str = ""
    """The zone of all clusters; empty: each cluster's own."""


class Freeze(Struct, frozen=True, forbid_unknown_fields=True, rename={"from_": "from"}):
    """Freeze is a time in which nothing starts."""

    from_: str
    """RFC 3339, such as 2026-12-20T00:00:00Z."""
    until: str
    reason: str = ""


class RolloutPolicySpec(Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    rollouts: PolicyRollouts = PolicyRollouts()
    clusters: PolicyClusters = PolicyClusters()
    actions: list[str] = []
    """The actions that the policy keeps from starting; empty: all but those that lead back."""
    in_flight: int | str = ""
    """How many of the clusters may be in flight at once, of all rollouts of the hub: a number, or a
    share of them, such as "10%". Empty: no limit."""
    per_topology: list[TopologyLimit] = []
    never_together: list[Neighbours] = []
    windows: list[PolicyWindow] = []
    """Clusters start while one of them is open; empty: at any time."""
    fit: bool = False
    """Whether a cluster starts only if its action, and the way back from it, usually end before the
    window does."""
    freezes: list[Freeze] = []


class RolloutPolicy(Struct, frozen=True, rename="camel"):
    metadata: ObjectMeta
    spec: RolloutPolicySpec = RolloutPolicySpec()


class PolicyState(Struct, frozen=True):
    """PolicyState is what is known of the policies of the hub."""

    policies: tuple[RolloutPolicy, ...] = ()
    """Those that can be read, in order of their names."""
    unreadable: tuple[tuple[str, str], ...] = ()
    """The policies that can't be read, by name, each with the reason."""
    problem: str = ""
    """Why nothing is known of the policies; empty: they are read, or the hub never had any."""

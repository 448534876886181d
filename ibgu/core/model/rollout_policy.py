"""RolloutPolicy (ibgu.dev/v1alpha1): what the owners of the network allow rollouts to do.

A policy that a newer version of ibgu understands is not followed in part: fields that are not known
here make it unreadable.
"""

from datetime import timedelta
from enum import StrEnum

from msgspec import Struct

from ibgu.core.model.kinds import LabelSelector, ObjectMeta
from ibgu.core.model.seed_image import SeedCircuitBreaker


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


class BudgetScope(StrEnum):
    """The failures that count together."""

    STEP = "Step"
    ROLLOUT = "Rollout"
    HUB = "Hub"


class FailureBudget(Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """FailureBudget is how many clusters may fail; with one more nothing new starts."""

    maximum: int | str = 0
    """A number, or a share of the clusters of the step or the rollout, such as "2%"."""
    per: BudgetScope = BudgetScope.ROLLOUT
    within_minutes: int = 0
    """The time in which they fail; 0: at any time."""

    @property
    def window(self) -> timedelta | None:
        return timedelta(minutes=self.within_minutes) if self.within_minutes else None


class WantedCondition(Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """WantedCondition is a condition that a ManagedCluster must have."""

    type: str
    status: str = "True"


class MetricCheck(Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """MetricCheck is a query that must be true of a canary, at a source that the administrator of
    ibgu has named."""

    source: str
    query: str
    """PromQL; $cluster and $label(key) stand for the cluster's name and labels."""


class HealthChecks(Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """HealthChecks are what must be true of every canary, without a break, while it soaks."""

    conditions: list[WantedCondition] = []
    """Conditions of the ManagedCluster."""
    cluster_operators: bool = False
    """Whether the cluster version and its operators must be available and not degraded."""
    nodes: bool = False
    """Whether the nodes of the MachineConfigPools must be ready and have their configuration."""
    policies: bool = False
    """Whether the cluster must comply with its policies of Open Cluster Management."""
    metrics: list[MetricCheck] = []


class Canaries(Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """Canaries are the clusters of each step that go first, and must stay well for a while before
    the others start."""

    count: int = 0
    """The first so many of the step's clusters, in order; 0: the selector chooses them."""
    selector: LabelSelector | None = None
    """Chooses the canaries by the labels of their ManagedClusters."""
    soak_minutes: int = 0
    """How long all of them must be available and healthy after they have succeeded."""
    health: HealthChecks | None = None
    """None: to be available is enough."""
    rollback: bool = False
    """Whether ibgu rolls a canary back that was well since its upgrade and then breaks."""
    rollback_after_minutes: int = 10
    """The minutes for which it must be reported as not well without a break."""


class ApprovalMoment(StrEnum):
    """ApprovalMoment is what waits for approval."""

    STEP = "Step"
    """Each step with an action that the policy holds."""
    ACTION = "Action"
    """Each action that the policy names, also inside a chain."""
    REST = "Rest"
    """What comes in a step after the policy's canaries."""


class PolicyApproval(Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """PolicyApproval is what must be approved before it starts, by RolloutApprovals."""

    before: ApprovalMoment = ApprovalMoment.STEP
    approvers: int = 1
    """How many different people must approve."""
    four_eyes: bool = True
    """Whether the author of the step does not count."""


class PolicyBreaker(SeedCircuitBreaker, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """PolicyBreaker is a circuit breaker of whatever image a rollout brings."""


class PolicyRetry(Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """PolicyRetry is how often ibgu tries clusters again whose Prep has failed of a transient
    cause, once the plan has aborted them."""

    attempts: int = 1
    """How often, after the first one."""
    backoff_minutes: int = 10
    """The minutes after the abort until the first of them; they double with each further one."""


class PolicyPreflight(StrEnum):
    """PolicyPreflight says what becomes of preflight's findings, whatever annotations say."""

    ENFORCE = "Enforce"
    """A cluster with an error does not start."""


class PolicyWarnings(StrEnum):
    """PolicyWarnings says what becomes of clusters that have warned, whatever annotations say."""

    HOLD = "Hold"
    """They wait for a person before they are taken to the other release."""


class PolicyBackup(StrEnum):
    """PolicyBackup says whether clusters may be taken to another release without a backup."""

    REQUIRED = "Required"
    """Each cluster is backed up by the same rollout."""


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
    canaries: Canaries | None = None
    failure_budget: FailureBudget | None = None
    breaker: PolicyBreaker | None = None
    """Holds rollouts with an image that has failed too often, in any rollout of the hub."""
    approval: PolicyApproval | None = None
    retry: PolicyRetry | None = None
    preflight: PolicyPreflight | None = None
    """None: the rollout's annotation decides, and so for the next two."""
    warnings: PolicyWarnings | None = None
    backup: PolicyBackup | None = None


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

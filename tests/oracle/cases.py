"""The state that the events have built up so far, in the words of the log."""

from datetime import datetime, timedelta
from typing import Any

from msgspec import Struct

from ibgu.core.model.grants import Grants
from tests.oracle.events import Event

Age = tuple[datetime, str]


class RunCase(Struct):
    id: str
    action: str
    seq: int
    state: str = "intended"
    result: str = ""
    cause: str | None = None
    arming: bool = False
    """Whether the work may have been armed."""
    shown: bool = False
    """Whether the hub or the cluster has shown it armed."""
    disarmed: bool = True
    adopted: bool = False
    """Whether TALM began the run, so that the cluster does not carry its id."""
    ended: int = 0
    ended_at: datetime | None = None
    first: bool = False
    """Whether it began a chain: its cluster had carried out nothing of the step before."""
    intended_at: datetime | None = None
    arming_at: datetime | None = None
    backup: bool = False
    """Whether the action needed a backup when the run began."""
    between: bool = False
    """Whether the cluster had begun to take the intermediate release by then."""

    @property
    def over(self) -> bool:
        """Whether the run has ended, and can no longer reach the cluster."""
        return self.state == "ended" and self.disarmed

    @property
    def labelled(self) -> bool:
        """Whether the run's end left a failed label."""
        return self.shown and self.result in ("failed", "refused", "limit")


class DueLabels(Struct, frozen=True):
    """A label change that an outcome asks for and that is not recorded yet."""

    seq: int
    outcome: str
    wanted: dict[str, str | None]
    """The wanted labels; empty: all labels of ibgu go."""


class FollowUpCase(Struct):
    """A second rollout that a policy has asked for."""

    event: Event
    """The event that recorded it first."""
    policy: str
    action: str
    clusters: tuple[str, ...]
    uids: tuple[str, ...]
    name: str
    """Empty: none was to be made."""
    decided_at: datetime
    made_at: datetime | None = None
    attempt: int = 0
    """Which attempt at the clusters it is after the first one; 0: it leads them back."""
    due: datetime | None = None
    refused: bool = False
    """Whether it was left to a person."""

    @property
    def asked(self) -> tuple[str, str, tuple[str, ...], tuple[str, ...], str]:
        """Returns what never changes."""
        return self.policy, self.action, self.clusters, self.uids, self.name


class MemberCase(Struct):
    cluster: str
    uid: str
    joined: int
    state: str = "waiting"
    index: int = 0
    """Which of the step's actions is current, or next."""
    slot: int | None = None
    carried_out: int = 0
    """How many of the step's actions its cluster has carried out; what is repeated counts once."""
    limit: datetime | None = None
    since: int = 0
    """The event that gave the slot."""
    attempts: int = 0
    first_hop: datetime | None = None
    """When the run began that has taken its cluster to the intermediate release, since it has its
    slot."""
    run: RunCase | None = None
    ended: int = 0
    adopted: bool = False
    """Whether TALM acted before ibgu, or the history forgot what ibgu did: labels may be completed
    once."""
    due: DueLabels | None = None
    cause: str = ""
    """Why it ended without success."""
    accepted_warning: str | None = ""
    """The cluster's warning that a person has accepted last; None: one that an earlier version did
    not record."""
    upgraded: int = 0
    """The event of the run that took it to another release."""
    finalized: int = 0
    """The event that completed its upgrade, so that nothing leads back."""


class BreakerEnd(Struct, frozen=True, order=True):
    """BreakerEnd is how a member ended what reboots its cluster, for the circuit breaker
    (R19.1)."""

    at: datetime
    cluster: str
    cause: str
    """Empty: it succeeded."""


class StepCase(Struct):
    index: int
    actions: tuple[str, ...]
    most: int
    timeout: timedelta
    opened: int
    across_namespaces: bool = True
    """Whether the step also cancels rollouts of other namespaces."""
    state: str = "opening"
    started_at: datetime | None = None
    total: int = 0
    recounted: bool = False
    """Whether an import has counted the clusters of a step that the history knows: a status does
    not name those that were skipped."""
    whole: bool = True
    """Whether the history has all of it: it was neither imported nor taken over."""
    hold: str = ""
    unresumed: str = ""
    """The hold that has ended though a person must end it, and none has resumed the rollout."""
    breaker_ends: dict[str, BreakerEnd] = {}
    """How members have ended, by cluster, for the circuit breaker."""
    breaker_order: list[BreakerEnd] = []
    """The same, in order of time."""
    breaker_reset_at: datetime | None = None
    """When the circuit breaker last ceased to hold the step: earlier ends count no longer."""
    stopped: timedelta = timedelta()
    stopped_since: datetime | None = None
    members: dict[str, MemberCase] = {}
    slots: dict[int, MemberCase] = {}
    waiting: int = 0
    finished: int = 0
    ended: int = 0
    """Members that were asked for something, and have ended by themselves or by their limit."""
    last: str = ""
    """The cluster that joined last."""
    released: int = 0
    """The event that ended the last hold."""
    new_limit: datetime | None = None
    """The limit of the members that this event released."""
    plan_error: str = ""
    """An error of preflight that is about the plan itself; empty: there is none."""
    errors: dict[str, str] = {}
    """Clusters with an error of preflight, with the rule."""
    well: dict[tuple[str, str], datetime] = {}
    """The policies and the uids of their canaries that were well since their upgrade, and when that
    was recorded."""
    well_known: bool = True
    """Whether the history says of each canary that it was well."""
    follow_ups: list[FollowUpCase] = []
    """Rollouts that lead clusters back."""
    attempts: list[FollowUpCase] = []
    """Further attempts at clusters, as planned, and as they were to be made."""
    finished_at: datetime | None = None
    evaluated: int = 0
    """The event of preflight's newest evaluation, if it is to be enforced; 0: there is none."""
    judged: int = 0
    """The same, if the rollout's annotation, or maybe a policy, has enforced it at all times since;
    else 0."""


class BackupCase(Struct, frozen=True):
    """The newest backup of a cluster in a rollout."""

    made_at: datetime
    seq: int
    """The event that shows it."""


class RolloutCase(Struct):
    uid: str
    name: str
    kind: str
    """The kind of the object that asked for it."""
    created_at: datetime
    seq: int
    seed: list[str] = []
    plan: list[dict[str, Any]] = []
    state: str = "pending"
    hold: str = ""
    deleted: int = 0
    restored: bool = False
    """Whether hub or journal was restored: the plan may be shorter than what has begun."""
    manual_cleanup_done: bool = False
    """Whether a person has confirmed a clean-up by hand."""
    enforces_preflight: bool = False
    """Whether no cluster may start against an error of preflight."""
    holds_on_warning: bool = False
    """Whether clusters that have warned wait for a person before they are upgraded."""
    ramp_up: bool = False
    """Whether at most 1, 2, 4, ... members of a step are in flight, which makes more waves."""
    starts_per_minute: int = 0
    """How many members may start within a minute; 0: only slots limit that."""
    starts: list[datetime] = []
    """When members have started in steps that may have such a limit, as of the last minute."""
    resume: str | None = None
    """What a person has resumed it by last: each value of the annotation does so once."""
    resumed: int = 0
    """The event that records that resume; 0: there was none."""
    skipped: Event | None = None
    """The last end of a skipped member, until the order of a person that asks for it."""
    breaker_off: bool = False
    """Whether a person has turned the circuit breaker off."""
    grants: Grants = Grants()
    steps: list[StepCase] = []
    via: list[str] = []
    """The intermediate release, as `seed`; empty: there is none."""
    max_age: timedelta | None = None
    """How old a backup may be when an action begins that needs one; None: none does."""
    backups: dict[tuple[str, str], BackupCase] = {}
    """Keyed by the cluster's uid and the action that takes the backup."""

    @property
    def age(self) -> Age:
        return (self.created_at, self.uid)


class CancellerCase(Struct, frozen=True):
    """A member of a step that begins with Abort or Rollback."""

    age: Age
    name: str
    seq: int
    across_namespaces: bool
    kind: str

    def cancels(self, other: RolloutCase) -> bool:
        if self.kind != other.kind:
            return False
        same = self.name.partition("/")[0] == other.name.partition("/")[0]
        return self.age > other.age and (self.across_namespaces or same)


class ReleaseChange(Struct, frozen=True):
    """ReleaseChange is a run that may have taken a cluster to another release, or back."""

    at: datetime
    """When it did so last, as far as is known: when it was sent, or when it completed."""
    rollout: str
    """uid of its rollout."""
    seq: int


class ClusterCase(Struct):
    """A ManagedCluster, by uid: what all rollouts together do with it."""

    holder: str = ""
    """uid of the rollout that has the claim."""
    since: int = 0
    cancellers: list[CancellerCase] = []
    pending_labels: dict[str, str | None] = {}
    """Labels that are pending for the cluster."""
    release_changes: dict[str, ReleaseChange] = {}
    """Keyed by the run's id."""

"""Why a member has not finished (R17.1), and why a run failed (R10.7)."""

from datetime import datetime
from enum import StrEnum

from msgspec import Struct
from msgspec.structs import force_setattr

from ibgu.core.text.cut import cut


class ReasonKind(StrEnum):
    # without a claim
    SLOT = "WaitingForSlot"
    CLAIM = "ClaimedByOther"
    PREEMPTING = "PreemptingOlder"
    UNREACHABLE = "Unreachable"
    PROBING = "Probing"
    READY = "Ready"
    NO_ANSWER = "NoAnswer"
    BUSY = "Busy"
    ABSENT = "LifecycleAgentAbsent"
    WRONG_STATE = "WrongState"
    """The action can't start in the state of the cluster, which fails it once its step goes on."""
    TERMINATING = "OldWorkTerminating"
    REOPENING = "Reopening"
    START_JITTER = "StartJitter"
    # with or without
    FORBIDDEN = "HubForbids"
    """ibgu may not make the write that the member waits for."""
    TALM_WORK = "TalmWorkPresent"
    MALFORMED = "MalformedObjects"
    """ibgu can't read objects of the cluster on the hub."""
    # with a claim
    PREPARING = "Preparing"
    ARMING = "Arming"
    APPLY_ERROR = "ApplyError"
    REFUSED = "TransitionRefused"
    PAYLOAD_ERROR = "PayloadError"
    RUNNING = "Running"
    REBOOTING = "Rebooting"
    DIVERGED = "Diverged"
    SOAKING = "Soaking"
    """The cluster has done what the run asked for, which must last for a while."""
    DISARMING = "Disarming"
    WARNING = "WarningNotAccepted"
    """The IBGU holds clusters that have warned until a person accepts it."""
    PREFLIGHT = "PreflightError"
    """Preflight has found an error of the cluster, and the rollout enforces preflight."""
    # of the step or the rollout
    PAUSED = "Paused"
    CIRCUIT_BREAKER = "CircuitBreaker"
    SEED_BREAKER = "SeedCircuitBreaker"
    """Too many upgrades to the seed image have failed, over all rollouts of the hub."""
    FAILURE_BUDGET = "FailureBudgetSpent"
    """More clusters have failed than a RolloutPolicy allows."""
    SEEDS_UNKNOWN = "SeedImagesUnknown"
    """ibgu can't read the catalogue of seed images."""
    PAYLOAD_CHANGED = "PayloadChanged"
    PAYLOAD_BLOCKED = "PayloadBlocked"
    UNBOUND = "ClusterSetNotBound"
    """The namespace may not use the cluster, or no cluster at all."""
    PREFLIGHT_PLAN = "PlanPreflightError"
    """Preflight has found an error of the plan, or could not be evaluated."""
    PREFLIGHT_PENDING = "PreflightPending"
    """Preflight is still checking the clusters of the step."""
    INVALID_PLAN = "InvalidPlan"
    NAME_TAKEN = "NameTaken"
    """An older rollout of another kind has the same namespace and name."""
    TALM = "TalmIsLive"
    ADOPTION = "UnfinishedGroupUpgrades"
    ADOPTING = "TakingOverFromTalm"
    RESTORED = "Restored"
    INTERNAL_ERROR = "InternalError"
    """An internal error of ibgu keeps the rollout from being decided on."""
    FLOOR = "TooLittleTimeLeft"
    RATE_LIMIT_INVALID = "InvalidRateLimit"
    BACKUP_NOT_POSSIBLE = "BackupNotPossible"
    START_RATE = "StartRate"
    HUB_START_RATE = "HubStartRate"
    RAMP_UP = "RampUp"
    GATE = "GateClosed"
    """A gate of a policy is closed; `Reason.gate` names it."""


class ActingParty(StrEnum):
    """The party that must act for a reason to end."""

    IBGU = "ibgu"
    CLUSTER = "cluster"
    PERSON = "person"


class PolicyRule(StrEnum):
    """PolicyRule is what of a policy keeps a member, by which every process explains the reason."""

    UNKNOWN = "Unknown"
    """The policies of the hub are not known."""
    INVALID = "Invalid"
    TIMES = "Times"
    TIME_ZONE = "TimeZone"
    """The windows are in the time zone of the cluster, which is not known."""
    NO_WINDOW = "NoWindow"
    """No window ever lets the action start."""
    SOURCE = "Source"
    """A source of health can't be asked."""
    CANARIES = "Canaries"
    APPROVAL = "Approval"
    BACKUP = "Backup"
    LIMITS = "Limits"
    CLUSTER_HOLD = "ClusterHold"
    """An annotation holds the cluster, with or without policies."""


class Reason(Struct, frozen=True, gc=False):
    kind: ReasonKind
    since: datetime
    message: str = ""
    """A sentence for a person; for running members the cluster's last words."""
    until: datetime | None = None
    """When the reason ends by itself, where that is known."""
    who: ActingParty = ActingParty.IBGU
    gate: str = ""
    """The name of the closed gate, where the kind does not tell it."""
    rule: str = ""
    """Usually a `PolicyRule`, of a policy's gate; other versions of ibgu may have written others or
    none."""
    approval: str = ""
    """What an approval has to name with `before` to end the reason: an `ApprovalPoint` or an
    action; empty: none would."""

    def __post_init__(self) -> None:
        # It may quote what a tenant has written, and goes to journal, status and receivers.
        if (short := cut(self.message)) is not self.message:
            force_setattr(self, "message", short)


class Cause(StrEnum):
    """Why a member did not succeed; the journal, REST and metrics use these values."""

    PREP_FAILED = "PrepFailed"
    UPGRADE_FAILED = "UpgradeFailed"
    UPGRADE_FAILED_AFTER_PIVOT = "UpgradeFailedAfterPivot"
    """The cluster runs the new release, and only Rollback can follow."""
    ROLLBACK_FAILED = "RollbackFailed"
    ABORT_FAILED = "AbortFailed"
    FINALIZE_FAILED = "FinalizeFailed"
    CHECK_FAILED = "CheckFailed"
    MIRROR_FAILED = "MirrorFailed"
    PRECACHE_FAILED = "PreCachingFailed"
    BACKUP_FAILED = "BackupFailed"
    UPDATE_REFUSED = "UpdateRefused"
    POOLS_FAILED = "PoolsFailed"
    RETRACT_FAILED = "RetractFailed"
    SPEC_REFUSED = "SpecRefused"
    TRANSITION_REFUSED = "TransitionRefused"
    WRITE_REFUSED = "WriteRefused"
    PAYLOAD_REFUSED = "PayloadRefused"
    TIMED_OUT = "TimedOut"
    NEVER_STARTED = "NeverStarted"
    WRONG_STATE = "WrongState"
    AGENT_ABSENT = "LifecycleAgentAbsent"
    TAKEN_OVER = "TakenOver"
    CANCELLED = "Cancelled"
    PREEMPTED = "Preempted"
    SKIPPED = "Skipped"
    GONE = "ClusterGone"
    RECREATED = "ClusterRecreated"
    DELETED = "RolloutDeleted"

    @property
    def is_specific(self) -> bool:
        """Whether the cause says more than action and outcome do."""
        return self not in _UNSPECIFIC


_UNSPECIFIC = frozenset(
    {
        Cause.PREP_FAILED,
        Cause.UPGRADE_FAILED,
        Cause.ROLLBACK_FAILED,
        Cause.ABORT_FAILED,
        Cause.FINALIZE_FAILED,
        Cause.CHECK_FAILED,
        Cause.MIRROR_FAILED,
        Cause.PRECACHE_FAILED,
        Cause.BACKUP_FAILED,
        Cause.POOLS_FAILED,
        Cause.RETRACT_FAILED,
        Cause.CANCELLED,
        Cause.SKIPPED,
    }
)

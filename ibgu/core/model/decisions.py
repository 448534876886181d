"""The output of `decide`: typed decisions, each with the new record and the reason.

The journal writes the records, the history keeps `kind` and `why`, FleetState applies them. What
the hub must show follows from the records (`engine.works.wanted`), so a decision never carries a
request body, and the next cycle carries out a decision that was committed and then interrupted.
"""

from enum import StrEnum

from msgspec import Struct

from ibgu.core.model.members import Member, Outcome
from ibgu.core.model.reasons import Cause
from ibgu.core.model.records import PendingPatch, Rollout, Step
from ibgu.core.model.start_facts import StartFacts
from ibgu.core.model.views import Observation


class Kind(StrEnum):
    # rollout
    ROLLOUT_SEEN = "RolloutSeen"
    PLAN_ACCEPTED = "PlanAccepted"
    ANNOTATIONS_CHANGED = "AnnotationsChanged"
    ROLLOUT_STARTED = "RolloutStarted"
    ROLLOUT_HELD = "RolloutHeld"
    ROLLOUT_RELEASED = "RolloutReleased"
    ROLLOUT_COMPLETED = "RolloutCompleted"
    ROLLOUT_DELETED = "RolloutDeleted"
    ADOPTED = "RolloutAdopted"
    CONTROL = "ControlAccepted"
    APPROVAL = "ApprovalChanged"
    APPROVAL_ASKED = "AskedApprovalsChanged"
    BREAK_GLASS = "BreakGlassChanged"
    # rollout, step, member
    IMPORTED = "Imported"
    # step
    STEP_ADOPTED = "StepAdopted"
    STEP_OPENED = "StepOpened"
    STEP_STARTED = "StepStarted"
    STEP_HELD = "StepHeld"
    STEP_RELEASED = "StepReleased"
    STEP_RATE_LIMITED = "StepRateLimited"
    CLOCK_STOPPED = "ClockStopped"
    CLOCK_STARTED = "ClockStarted"
    STEP_FINISHED = "StepFinished"
    PREFLIGHT = "PreflightEvaluated"
    CANARY_WELL = "CanaryWell"
    FOLLOW_UP = "FollowUpChanged"
    # member
    JOINED = "MemberJoined"
    MEMBER_ADOPTED = "MemberAdopted"
    WAITS = "MemberWaits"
    PROBED = "Probed"
    ACTION_SKIPPED = "ActionAlreadyDone"
    ACTION_REPEATED = "ActionRepeated"
    WARNING_ACCEPTED = "WarningAccepted"
    RETURNED = "MemberReturned"
    FINISHED = "MemberFinished"
    DETAILED = "FailureDetailed"
    COMPLETED_LATE = "CompletedLate"
    AUTO_IMPORT_OFF = "AutoImportStaysOff"
    UNWATCHED = "WatchEnded"
    ROLLBACK_DEADLINE = "RollbackDeadlineChanged"
    PAUSED_AGAIN = "PausedAgain"
    RESUME_DUE = "ResumeDue"
    RESUMED = "Resumed"
    # run
    RUN_INTENDED = "RunIntended"
    RUN_ARMING = "RunArming"
    RUN_ARMED = "RunArmed"
    RUN_ACCEPTED = "RunAccepted"
    RUN_PROGRESS = "RunProgress"
    RUN_ENDED = "RunEnded"
    RUN_DISARMED = "RunDisarmed"
    RUN_REOPENED = "RunReopened"
    # cluster
    LABELS_PENDING = "LabelsPending"
    LABELS_UNCHANGED = "LabelsUnchanged"
    LABELS_UPDATED = "LabelsUpdated"
    PUT_BACK = "LabelsPutBack"

    @property
    def silent(self) -> bool:
        """Whether the decision is bookkeeping that the history does not show."""
        return self in _SILENT


_SILENT = {Kind.WAITS, Kind.PROBED, Kind.RUN_PROGRESS, Kind.STEP_RATE_LIMITED}


class OnRollout(Struct, frozen=True):
    kind: Kind
    rollout: Rollout
    why: str
    warning: bool = False
    """Whether the decision was made as a warning; read `is_warning`."""
    actor: str = ""
    """The person who asked for the change, if one did."""
    failed: int = 0
    """Failed clusters of the whole rollout, where the decision ends it."""


class OnStep(Struct, frozen=True):
    kind: Kind
    step: Step
    why: str
    warning: bool = False
    actor: str = ""


class OnMember(Struct, frozen=True):
    kind: Kind
    member: Member
    why: str
    cause: Cause | None = None
    warning: bool = False
    seen: Observation | None = None
    """What a decision that starts or ends something rests on."""
    actor: str = ""
    facts: StartFacts | None = None
    """What policies read of a cluster that starts; None: nothing."""

    @property
    def relabels(self) -> bool:
        """Whether labels follow a late completion: ibgu's own failed label still stood (R15.2)."""
        run, completed = self.member.run, self.member.completed
        if self.kind is not Kind.COMPLETED_LATE or run is None or not completed:
            return False
        return completed[-1].action == run.action and not completed[-1].unlabelled


class OnPendingPatch(Struct, frozen=True):
    """A change of the patch `pending` for a ManagedCluster; empty: nothing is pending any more."""

    kind: Kind
    pending: PendingPatch
    why: str
    asked: dict[str, str | None] | None = None
    """The labels that an outcome asks for, also those that the hub shows already (LABELS_UNCHANGED:
    it shows them all); None: no outcome."""


class Preempt(Struct, frozen=True):
    """Asks an older rollout to release a cluster (R6.4); lives in memory, decided again after a
    restart."""

    cluster: str
    uid: str
    by: str
    """namespace/name of the canceller."""


def is_warning(decision: OnRollout | OnStep | OnMember) -> bool:
    """Whether a person should notice the decision: the one definition for history, log and Events.

    True for a cluster that fails in its step, or is taken out of it by another IBGU, and for a
    decision made with `warning`.
    """
    if decision.warning or not isinstance(decision, OnMember):
        return decision.warning
    return decision.kind is Kind.FINISHED and decision.member.outcome in _UNWANTED


_UNWANTED = (Outcome.FAILED, Outcome.CANCELLED)


RecordedDecision = OnRollout | OnStep | OnMember | OnPendingPatch
"""A decision that the journal keeps, and the history shows unless it is silent."""
Decision = RecordedDecision | Preempt

"""What `decide` answers: typed decisions, each with the record as it will be and its reason.

The journal writes the records, the history keeps `kind` and `why`, the book applies them.
What the hub must show follows from the records (`core.works.wanted`), so a decision never
carries a request body, and a decision that was committed but not carried out is carried out
by the next turn.
"""

from enum import StrEnum

from msgspec import Struct

from ibgu.core.model.reasons import Cause
from ibgu.core.model.records import Member, Outcome, PendingPatch, Rollout, Step
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
    # rollout, step, member
    IMPORTED = "Imported"
    # step
    STEP_ADOPTED = "StepAdopted"
    STEP_OPENED = "StepOpened"
    STEP_STARTED = "StepStarted"
    STEP_HELD = "StepHeld"
    STEP_RELEASED = "StepReleased"
    STEP_RATE_LIMITED = "StepPaced"
    CLOCK_STOPPED = "ClockStopped"
    CLOCK_STARTED = "ClockStarted"
    STEP_FINISHED = "StepFinished"
    # member
    JOINED = "MemberJoined"
    MEMBER_ADOPTED = "MemberAdopted"
    WAITS = "MemberWaits"
    PROBED = "Probed"
    ACTION_SKIPPED = "ActionAlreadyDone"
    RETURNED = "MemberReturned"
    FINISHED = "MemberFinished"
    DETAILED = "FailureDetailed"
    LATE = "LateTruth"
    UNWATCHED = "WatchEnded"
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
        """Bookkeeping that the history does not show."""
        return self in _SILENT


_SILENT = {Kind.WAITS, Kind.PROBED, Kind.RUN_PROGRESS, Kind.STEP_RATE_LIMITED}


class OnRollout(Struct, frozen=True):
    kind: Kind
    rollout: Rollout
    why: str
    warning: bool = False
    """Said to be one where it is decided; read `is_warning`."""
    actor: str = ""
    """Who asked for it, where a person did."""
    failed: int = 0
    """Clusters that are failed in the whole rollout, where this is its end."""


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
    """What it rests on, where it starts or ends something."""
    actor: str = ""


class OnPendingPatch(Struct, frozen=True):
    """`pending` is what is still owed after it; empty: nothing."""

    kind: Kind
    pending: PendingPatch
    why: str
    asked: dict[str, str | None] | None = None
    """The labels that an outcome asks for, also those that the hub shows already (STAND: it shows
    them all); None: it is not about an outcome."""


class Preempt(Struct, frozen=True):
    """Ask an older rollout to let go of a cluster (R6.4); lives in memory, decided anew."""

    cluster: str
    uid: str
    by: str
    """namespace/name of the canceller."""


def is_warning(decision: OnRollout | OnStep | OnMember) -> bool:
    """Whether a person should notice it: the one definition for history, log and Events.

    A cluster that fails in its step, or is taken out of it by another IBGU, is one; so is what
    was decided with `warning`.
    """
    if decision.warning or not isinstance(decision, OnMember):
        return decision.warning
    return decision.kind is Kind.FINISHED and decision.member.outcome in _UNWANTED


_UNWANTED = (Outcome.FAILED, Outcome.CANCELLED)


Decision = OnRollout | OnStep | OnMember | OnPendingPatch | Preempt

"""The records that the journal keeps: rollouts, steps, pending patches. All frozen."""

from datetime import UTC, datetime, timedelta
from enum import StrEnum

from msgspec import Struct

from ibgu.core.model import names
from ibgu.core.model.actions import ActionName
from ibgu.core.model.follow_ups import StepFollowUps
from ibgu.core.model.grants import Grants
from ibgu.core.model.kinds import RolloutSpec
from ibgu.core.model.names import IBGU
from ibgu.core.model.preflight import PreflightRecord
from ibgu.core.model.reasons import Reason, ReasonKind


def restore_mark(now: datetime) -> str:
    """Returns the mark of a restore that is found now: its time, in whole seconds. Works written
    from now on carry it."""
    return f"{int(now.timestamp()):x}"


UNKNOWN_PAYLOAD = "unknown"
"""Stands for the digest of what a step carries where the journal has lost it, and no work on the
hub tells it."""


class RolloutState(StrEnum):
    PENDING = "pending"
    RUNNING = "running"
    COMPLETE = "complete"
    DELETED = "deleted"


class Rollout(Struct, frozen=True, kw_only=True):
    """One IBGU, by uid. `spec` is the last one accepted; it outlives the object."""

    uid: str
    namespace: str
    name: str
    created_at: datetime
    spec: RolloutSpec
    generation: int = 0
    """The IBGU's generation that `spec` comes from."""
    annotations: dict[str, str] = {}
    """Annotations of the IBGU that go to the IBU (key contains lca.openshift.io)."""
    controls: dict[str, str] = {}
    """Control annotation -> the last value that was acted on."""
    state: RolloutState = RolloutState.PENDING
    hold: Reason | None = None
    """Why nothing new starts in the whole rollout."""
    restore: str = ""
    """The newest restore (of hub or journal) that this rollout went through: a work without this
    mark was not written since, and its feedback proves nothing."""
    started_at: datetime | None = None
    completed_at: datetime | None = None
    deleted_at: datetime | None = None
    kind: str = IBGU
    """The kind of the object, which has a driver."""
    grants: Grants = Grants()
    """What people allow the rollout that its policies keep it from."""
    adopting_since: datetime | None = None
    """When a person asked ibgu to adopt the rollout; None once nothing of TALM's is left
    (R20.3)."""

    @property
    def full_name(self) -> str:
        return f"{self.namespace}/{self.name}"

    @property
    def manual_cleanup_done(self) -> bool:
        """Whether a person has confirmed that the clusters were cleaned up by hand (R45.2)."""
        return names.MANUAL_CLEANUP_DONE in self.controls

    @property
    def restored_at(self) -> datetime | None:
        """The time of the newest restore, in whole seconds; None: there was none."""
        try:
            return datetime.fromtimestamp(int(self.restore, 16), UTC)
        except (ValueError, OverflowError, OSError):
            return None

    @property
    def restored_hold(self) -> Reason | None:
        """The hold after a restore, which keeps the rollout still until a person resumes it
        (R31.3)."""
        held = self.hold is not None and self.hold.kind is ReasonKind.RESTORED
        return self.hold if held else None

    @property
    def stands_still(self) -> bool:
        return self.restored_hold is not None

    @property
    def paused(self) -> bool:
        return self.hold is not None and self.hold.kind is ReasonKind.PAUSED

    @property
    def quarantined(self) -> bool:
        """Whether an internal error of ibgu holds it (R32.5)."""
        return self.hold is not None and self.hold.kind is ReasonKind.INTERNAL_ERROR

    @property
    def plan_refused(self) -> bool:
        """Whether the newest plan can't be carried out (R1.3)."""
        return self.hold is not None and self.hold.kind is ReasonKind.INVALID_PLAN

    @property
    def awaits_adoption(self) -> bool:
        """Whether TALM has left the rollout unfinished, and no person has had ibgu adopt it
        (R20.2)."""
        return self.hold is not None and self.hold.kind is ReasonKind.ADOPTION

    @property
    def age(self) -> tuple[datetime, str]:
        """The sort key for rollouts by age (R6.3); the uid decides between equals."""
        return (self.created_at, self.uid)


class StepState(StrEnum):
    OPENING = "opening"
    RUNNING = "running"
    FINISHED = "finished"


class Step(Struct, frozen=True, kw_only=True):
    rollout: str
    """uid of the rollout."""
    index: int
    actions: tuple[ActionName, ...]
    max_concurrency: int
    timeout: timedelta
    state: StepState = StepState.OPENING
    started_at: datetime | None = None
    finished_at: datetime | None = None
    total: int = 0
    """Members, fixed when the step starts: no more of them join."""
    hold: Reason | None = None
    """Why nothing new starts in this step."""
    stopped_since: datetime | None = None
    """When the step's clock was stopped; None: it runs (R11.6)."""
    stopped: timedelta = timedelta()
    """How long the clock has stood in earlier stops."""
    payload_digest: str = ""
    """The digest of the manifests that this step carries to the clusters; empty: nothing. It may
    be UNKNOWN_PAYLOAD."""
    breaker_reset_at: datetime | None = None
    """Runs that ended before this time do not count for the circuit breaker (set by a person's
    resume)."""
    seed_resumed_at: datetime | None = None
    """Upgrades that ended before this time do not count for the circuit breaker of the seed image
    (set by a person's resume)."""
    budget_resumed_at: datetime | None = None
    """Failures before this time do not count for the failure budgets of policies (set by a person's
    resume)."""
    across_namespaces: bool = True
    """Whether an Abort or Rollback cancels older rollouts of other namespaces, too (R6.6)."""
    preflight: PreflightRecord | None = None
    """What preflight has found; None: it was not evaluated for this step."""
    follow_ups: StepFollowUps = StepFollowUps()
    """The second rollouts that policies have asked for."""

    @property
    def key(self) -> tuple[str, int]:
        return (self.rollout, self.index)

    @property
    def first(self) -> ActionName:
        return self.actions[0]


class Change(Struct, frozen=True, gc=False):
    """One key of a ManagedCluster's labels or annotations: as seen at enqueue time -> as wanted."""

    seen: str | None
    wanted: str | None


class PendingPatch(Struct, frozen=True, gc=False, kw_only=True):
    """The pending changes of one ManagedCluster (R13.2, R14); one queue per cluster."""

    uid: str
    cluster: str
    rollout: str
    """The rollout that enqueued last, for fairness and the history."""
    labels: dict[str, Change] = {}
    annotations: dict[str, Change] = {}

    @property
    def empty(self) -> bool:
        return not self.labels and not self.annotations

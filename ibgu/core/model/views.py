"""The hub's view of one cluster, condensed: the input of every decision."""

from datetime import datetime
from typing import Any

from msgspec import Struct


class ClusterConditionView(Struct, frozen=True, gc=False):
    """A condition of a ManagedCluster."""

    type: str
    status: str
    since: datetime | None = None
    """When it last got this status; None: this is not known."""


class ClusterView(Struct, frozen=True, gc=False, kw_only=True):
    """A ManagedCluster."""

    name: str
    uid: str
    accepted: bool
    deleting: bool
    reachable: bool
    """ManagedClusterConditionAvailable is True, nothing else (R7.5)."""
    available_since: datetime | None = None
    """Since when the cluster is reachable: as it says itself, but not before ibgu has seen that it
    is again; None: it is not reachable, or this is not known."""
    local: bool
    """Whether the cluster is the hub itself."""
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}
    """Annotations that ibgu sets (R14.1), no matter who has set them."""
    claims: dict[str, str] = {}
    """What the cluster reports of itself, as far as preflight reads it."""
    clock: str = ""
    """The status of the condition that compares the cluster's clock with the hub's."""
    conditions: tuple[ClusterConditionView, ...] = ()
    """The first conditions of the ManagedCluster, which policies may ask for (R50.16)."""


class FeedbackView(Struct, frozen=True, gc=False, kw_only=True):
    """The object on the cluster that an action changes, as fed back; absent values are empty.

    Each driver extends it by what its own kind reports.
    """

    stage: str = ""
    """The stage that the object was asked for last."""
    generation: int = 0
    observed_generation: int = 0
    run: str = ""
    """The run id that the object carries (R7.1)."""
    probes: frozenset[str] = frozenset()
    """Ids of the probes that this feedback answers."""
    warning: str = ""
    """A warning of the action that was completed last, which concerns the next one."""
    rollback_until: datetime | None = None
    """When the way back ends that is open now; None: there is none, or its end is not known."""
    pauses: tuple[tuple[str, str], ...] = ()
    """What is paused on the cluster, by name, with the uid of the rollout that it is paused for."""
    unread: bool = False
    """Whether the agent could not read something beside the object."""

    @property
    def rolling(self) -> bool:
        """Whether nodes that are not paused still take what the action has brought."""
        return False

    @property
    def unwell(self) -> str:
        """Why what is paused has to stay so, since something has just failed in a part of the
        cluster (R48.3); empty: nothing has."""
        return ""

    def paused_for(self, rollout: str) -> tuple[str, ...]:
        """Returns the names of what is paused for the rollout with this uid."""
        return tuple(name for name, uid in self.pauses if uid == rollout)

    @property
    def current(self) -> bool:
        """Whether the cluster's agent has seen the spec that its conditions stand beside (R7.2)."""
        return self.generation > 0 and self.observed_generation == self.generation

    def recorded(self) -> dict[str, Any]:
        """Returns what the history records of it with a decision, by short names; empty values
        are left out there."""
        return {
            "stage": self.stage,
            "run": self.run,
            "generation": self.generation,
            "observed": self.observed_generation,
            "rollback_until": self.rollback_until,
            "warning": self.warning,
        }


class JobView(Struct, frozen=True, gc=False, kw_only=True):
    """A Job on the cluster, as fed back; absent values are empty."""

    name: str = ""
    started: str = ""
    active: int = 0
    complete: bool = False
    completed: str = ""
    """The time at which it was complete, as the cluster writes it."""
    failed: bool = False
    reason: str = ""
    message: str = ""
    """Why it failed, in Kubernetes' words."""
    report: str = ""
    """What its script says of itself."""

    def recorded(self) -> dict[str, Any]:
        """Returns what the history records of it with a decision."""
        return {
            "name": self.name,
            "complete": self.complete,
            "completed": self.completed,
            "failed": self.failed,
            "reason": self.reason,
            "report": self.report,
        }


class WorkView(Struct, frozen=True, gc=False, kw_only=True):
    """A ManifestWork of ours (stage, payload or job)."""

    name: str
    uid: str
    resource_version: str
    generation: int
    terminating: bool = False
    edited: bool = False
    """Whether the spec is not the one of our last write (the generation went past it)."""
    armed: bool = False
    resuming: bool = False
    """Whether the work resumes what was paused; it is not armed then."""
    run: str = ""
    """The run that the work is armed for, or was last."""
    probe: str = ""
    """The id of the newest probe that the work carries."""
    restore: str = ""
    """The restore that the rollout had gone through when the work was last written."""
    digest: str = ""
    """Payload works: digest of the content."""
    applied: bool = False
    """Whether the work's Applied condition is True and of the current generation."""
    apply_error: str = ""
    """The message of the manifest that was not applied in the current generation."""
    target_applied: bool = False
    """Whether the entry of the object on the cluster is Applied=True of the current generation."""
    target_available: str = ""
    """The same entry: status of Available ("" while unknown)."""
    target_message: str = ""
    """The same entry: message of Available."""
    feedback: FeedbackView | None = None
    """None while nothing was fed back."""
    job: JobView | None = None
    """Job works: the Job; None while the cluster has not reported it."""

    @property
    def up_to_date(self) -> bool:
        """Whether the agent has handled this very version, and the values are not frozen (R7.2)."""
        return (
            not self.terminating
            and self.applied
            and self.target_applied
            and self.target_available == "True"
        )

    @property
    def current_feedback(self) -> FeedbackView | None:
        """The feedback that shows the object as it is now (R7.2); None: there is none, it is
        frozen, or older than the spec."""
        feedback = self.feedback if self.up_to_date else None
        return feedback if feedback and feedback.current else None


class Observation(Struct, frozen=True, kw_only=True):
    """The hub's complete view of one cluster of one rollout at one moment."""

    cluster: ClusterView | None
    """None: no ManagedCluster of that name."""
    stage: WorkView | None = None
    payload: WorkView | None = None
    job: WorkView | None = None
    writing: bool = False
    """Whether a write of the stage work is queued or on its way: the work is about to change."""
    refusal: str = ""
    """The hub's message for the newest write of the stage work that it refused for good (4xx)."""
    stage_gone: str = ""
    """The run after whose end the hub, asked by name, had no stage work; empty: not asked."""
    payload_writing: bool = False
    """Whether a write of the payload work is queued or on its way."""
    payload_refusal: str = ""
    job_writing: bool = False
    """Whether a write of the job work is queued or on its way."""
    job_refusal: str = ""
    """The hub's message for the newest write of the job work that it refused for good."""
    job_gone: str = ""
    """The run after whose end the hub, asked by name, had no job work; empty: it was not asked."""
    denied: str = ""
    """The right that ibgu lacks for the cluster's works, and what to do about it; empty: nothing
    was denied, or it is not known yet."""
    labels_denied: str = ""
    """Like `denied`, for the ManagedCluster's labels and annotations."""
    talm: str = ""
    """TALM's ManifestWork that acts on the cluster, as namespace/name; empty: there is none."""
    unread: bool = False
    """Whether the hub has the ManagedCluster or one of the works, and ibgu could read no version of
    it: what is missing here may be there."""

    @property
    def current_feedback(self) -> FeedbackView | None:
        """The feedback by which the cluster can be judged now; None: there is none."""
        return self.stage.current_feedback if self.stage else None

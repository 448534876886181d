"""The hub's view of one cluster, condensed: the input of every decision."""

from datetime import datetime
from typing import Any

from msgspec import Struct


class ClusterView(Struct, frozen=True, gc=False, kw_only=True):
    """A ManagedCluster."""

    name: str
    uid: str
    accepted: bool
    deleting: bool
    reachable: bool
    """ManagedClusterConditionAvailable is True, nothing else (R7.5)."""
    local: bool
    """Whether the cluster is the hub itself."""
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}
    """Annotations that ibgu sets (R14.1), no matter who has set them."""


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
        }


class WorkView(Struct, frozen=True, gc=False, kw_only=True):
    """A ManifestWork of ours (stage or payload)."""

    name: str
    uid: str
    resource_version: str
    generation: int
    terminating: bool = False
    edited: bool = False
    """Whether the spec is not the one of our last write (the generation went past it)."""
    armed: bool = False
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
    writing: bool = False
    """Whether a write of the stage work is queued or on its way: the work is about to change."""
    refusal: str = ""
    """The hub's message for the newest write of the stage work that it refused for good (4xx)."""
    payload_writing: bool = False
    """Whether a write of the payload work is queued or on its way."""
    payload_refusal: str = ""
    denied: str = ""
    """The right that ibgu lacks for the cluster's works, and what to do about it; empty: nothing
    was denied, or it is not known yet."""
    labels_denied: str = ""
    """Like `denied`, for the ManagedCluster's labels and annotations."""
    talm: str = ""
    """TALM's ManifestWork that acts on the cluster, as namespace/name; empty: there is none."""

    @property
    def current_feedback(self) -> FeedbackView | None:
        """The feedback by which the cluster can be judged now; None: there is none."""
        return self.stage.current_feedback if self.stage else None

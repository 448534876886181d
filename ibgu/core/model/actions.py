"""The seven actions of a plan, and what each one means on the cluster."""

from enum import StrEnum

from msgspec import Struct

LABEL_PREFIX = "lcm.openshift.io/ibgu-"


class Stage(StrEnum):
    """The values of an ImageBasedUpgrade's `spec.stage` (Lifecycle Agent)."""

    IDLE = "Idle"
    PREP = "Prep"
    UPGRADE = "Upgrade"
    ROLLBACK = "Rollback"


class Action(StrEnum):
    PREP = "Prep"
    UPGRADE = "Upgrade"
    FINALIZE_UPGRADE = "FinalizeUpgrade"
    ROLLBACK = "Rollback"
    FINALIZE_ROLLBACK = "FinalizeRollback"
    ABORT = "Abort"
    ABORT_ON_FAILURE = "AbortOnFailure"

    @property
    def stage(self) -> Stage:
        """The stage that the action asks the Lifecycle Agent for."""
        return _STAGES.get(self, Stage.IDLE)

    @property
    def completed_label(self) -> str:
        return f"{LABEL_PREFIX}{self.lower()}-completed"

    @property
    def failed_label(self) -> str:
        return f"{LABEL_PREFIX}{self.lower()}-failed"

    @property
    def reboots(self) -> bool:
        """Whether the cluster is unreachable in the middle of the action (R12.1)."""
        return self in (Action.UPGRADE, Action.ROLLBACK)

    @property
    def clears_labels(self) -> bool:
        """Whether success ends the upgrade on that cluster: all ibgu labels go (R13.3)."""
        return self.stage is Stage.IDLE

    @property
    def aborts(self) -> bool:
        """Whether the action must never reach an upgraded cluster, where Idle would finalize (R8.1,
        R9.4)."""
        return self in (Action.ABORT, Action.ABORT_ON_FAILURE)

    @property
    def rate_limited(self) -> bool:
        """Whether the action may load what serves the clusters; the others lead back, or are
        short."""
        return self in (Action.PREP, Action.UPGRADE)

    @property
    def cancels(self) -> bool:
        """Whether a step that begins with the action takes its clusters from older rollouts
        (R6.3)."""
        return self in (Action.ABORT, Action.ROLLBACK)


_STAGES = {
    Action.PREP: Stage.PREP,
    Action.UPGRADE: Stage.UPGRADE,
    Action.ROLLBACK: Stage.ROLLBACK,
}


class Need(Struct, frozen=True):
    """The labels that a step's first action asks of a cluster (R2.3).

    `any_of`: at least one must be there (empty: no such need); `none_of`: none may be.
    """

    any_of: tuple[str, ...] = ()
    none_of: tuple[str, ...] = ()


NEEDS: dict[Action, Need] = {
    Action.PREP: Need(),
    Action.UPGRADE: Need(any_of=(Action.PREP.completed_label,)),
    Action.ROLLBACK: Need(any_of=(Action.UPGRADE.completed_label,)),
    Action.FINALIZE_UPGRADE: Need(any_of=(Action.UPGRADE.completed_label,)),
    Action.FINALIZE_ROLLBACK: Need(any_of=(Action.ROLLBACK.completed_label,)),
    Action.ABORT: Need(none_of=(Action.UPGRADE.completed_label,)),
    Action.ABORT_ON_FAILURE: Need(
        any_of=(Action.PREP.failed_label, Action.UPGRADE.failed_label),
    ),
}

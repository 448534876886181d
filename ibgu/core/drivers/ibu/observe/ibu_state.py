"""The state of a cluster in the Lifecycle Agent's state machine.

Conditions of earlier stages stay until Idle, so the latest stage that has any decides.
"""

from enum import StrEnum

from ibgu.core.drivers.ibu.actions import Stage
from ibgu.core.drivers.ibu.observe.ibu_view import IbuCondition, IbuView

_ROLLBACK_REQUESTED = "Rollback requested"


class IbuState(StrEnum):
    UNKNOWN = "unknown"
    IDLE = "idle"
    PREPARING = "preparing"
    PREPARED = "prepared"
    PREP_FAILED = "prep failed"
    UPGRADING = "upgrading"
    UPGRADED = "upgraded"
    UPGRADE_FAILED = "upgrade failed"
    ROLLING_BACK = "rolling back"
    ROLLED_BACK = "rolled back"
    ROLLBACK_FAILED = "rollback failed"


def rollback_requested(ibu: IbuView) -> bool:
    """Whether UpgradeCompleted is False only because someone requested a rollback (R7.4)."""
    conditions = (ibu.upgrade_completed, ibu.upgrade_in_progress)
    return ibu.upgrade_completed.false and any(_ROLLBACK_REQUESTED in c.message for c in conditions)


def ibu_state(ibu: IbuView) -> IbuState:
    if ibu.idle.true:
        return IbuState.IDLE
    return (
        _of(
            ibu.rollback_in_progress,
            ibu.rollback_completed,
            IbuState.ROLLING_BACK,
            IbuState.ROLLED_BACK,
            IbuState.ROLLBACK_FAILED,
        )
        or _of(
            ibu.upgrade_in_progress,
            ibu.upgrade_completed,
            IbuState.UPGRADING,
            IbuState.UPGRADED,
            IbuState.ROLLING_BACK if rollback_requested(ibu) else IbuState.UPGRADE_FAILED,
        )
        or _of(
            ibu.prep_in_progress,
            ibu.prep_completed,
            IbuState.PREPARING,
            IbuState.PREPARED,
            IbuState.PREP_FAILED,
        )
        or IbuState.UNKNOWN
    )


def _of(
    in_progress: IbuCondition,
    completed: IbuCondition,
    running: IbuState,
    done: IbuState,
    failed: IbuState,
) -> IbuState | None:
    # Completed=False is written before InProgress turns False.
    if completed.true:
        return done
    if completed.false:
        return failed
    return running if in_progress.true else None


def in_progress(ibu: IbuView, stage: Stage) -> IbuCondition:
    """Returns the condition that carries the stage's progress message, and its failure's detail."""
    return {
        Stage.IDLE: ibu.idle,
        Stage.PREP: ibu.prep_in_progress,
        Stage.UPGRADE: ibu.upgrade_in_progress,
        Stage.ROLLBACK: ibu.rollback_in_progress,
    }[stage]


def completed(ibu: IbuView, stage: Stage) -> IbuCondition:
    return {
        Stage.IDLE: ibu.idle,
        Stage.PREP: ibu.prep_completed,
        Stage.UPGRADE: ibu.upgrade_completed,
        Stage.ROLLBACK: ibu.rollback_completed,
    }[stage]


def last_words(ibu: IbuView, stage: Stage) -> str:
    """Returns what the Lifecycle Agent says about the stage right now; may be empty."""
    condition = in_progress(ibu, stage)
    return condition.message or condition.reason


def detail(ibu: IbuView, stage: Stage) -> str:
    """Returns why the stage failed; until the agent says so, a generic message."""
    condition = in_progress(ibu, stage)
    words = condition.message if condition.false else ""
    return words or f"{stage} failed"


def out_of_stage(ibu: IbuView) -> bool:
    """Whether the cluster is proven to be out of Upgrade and Rollback (R14.3)."""
    if ibu.upgrade_completed.true or ibu.rollback_completed.true or ibu.idle.true:
        return True
    failed = ibu.upgrade_completed.false and not rollback_requested(ibu)
    return failed and Stage.IDLE in ibu.next_stages

"""Decides which stages may follow, and what a changed stage means to the Lifecycle Agent."""

from enum import Enum

from msgspec import Struct

from ibgu.sim.lca.conditions import Conditions, find_condition, reason_of, status_of

LEAVING = ("Aborting", "AbortFailed", "Finalizing", "FinalizeFailed")


def valid_next_stages(conditions: Conditions, stage: str, after_pivot: bool) -> list[str]:
    """Returns the stages that may follow; `after_pivot`: the node runs in the new stateroot."""
    if _blocked(conditions):
        return [stage]
    if _settling(conditions):
        return []
    if _open(conditions, "Prep"):
        return ["Idle"]
    if _open(conditions, "Upgrade"):
        return ["Rollback"] if after_pivot else ["Idle"]
    return _after_success(conditions)


def _after_success(conditions: Conditions) -> list[str]:
    following = {
        "RollbackCompleted": ["Idle"],
        "UpgradeCompleted": ["Idle", "Rollback"],
        "PrepCompleted": ["Idle", "Upgrade"],
        "Idle": ["Prep"],
    }
    for kind, stages in following.items():
        if status_of(conditions, kind) == "True":
            return stages
    return ["Idle"] if find_condition(conditions, "Idle") is None else []


def _blocked(conditions: Conditions) -> bool:
    return any(condition["reason"] == "Blocked" for condition in conditions)


def _settling(conditions: Conditions) -> bool:
    return (
        reason_of(conditions, "Idle") in LEAVING
        or status_of(conditions, "RollbackInProgress") == "True"
        or status_of(conditions, "RollbackCompleted") == "False"
    )


def _open(conditions: Conditions, stage: str) -> bool:
    return (
        status_of(conditions, f"{stage}InProgress") == "True"
        or status_of(conditions, f"{stage}Completed") == "False"
    )


class StageStart(Enum):
    """StageStart is what a reconciliation begins; the values are the names in timelines and
    durations."""

    INIT = "Init"
    PREP = "Prep"
    UPGRADE = "Upgrade"
    ROLLBACK = "Rollback"
    ABORT = "Abort"
    FINALIZE = "Finalize"


class RefusedStage(Struct, frozen=True):
    """RefusedStage is the agent's own second guard, behind the API server's rules."""

    message: str


def transition(
    stage: str, conditions: Conditions, after_pivot: bool
) -> StageStart | RefusedStage | None:
    """Returns what begins; None: the stage is already in progress or done."""
    match stage:
        case "Prep":
            return _to_prep(conditions)
        case "Upgrade":
            return _to_upgrade(conditions)
        case "Rollback":
            return _to_rollback(conditions, after_pivot)
        case _:
            return _to_idle(conditions, after_pivot)


def _entered(conditions: Conditions, stage: str) -> bool:
    return any(
        (found := find_condition(conditions, f"{stage}{half}")) is not None
        and found["reason"] != "InvalidTransition"
        for half in ("InProgress", "Completed")
    )


def _to_prep(conditions: Conditions) -> StageStart | RefusedStage | None:
    if _entered(conditions, "Prep"):
        return None
    idle = status_of(conditions, "Idle") == "True"
    return StageStart.PREP if idle else RefusedStage("Previous stage not succeeded")


def _to_upgrade(conditions: Conditions) -> StageStart | RefusedStage | None:
    if _entered(conditions, "Upgrade"):
        return None
    prepared = status_of(conditions, "PrepCompleted") == "True"
    return StageStart.UPGRADE if prepared else RefusedStage("Previous stage not succeeded")


def _to_rollback(conditions: Conditions, after_pivot: bool) -> StageStart | RefusedStage | None:
    if _entered(conditions, "Rollback"):
        return None
    if _entered(conditions, "Upgrade") and after_pivot:
        return StageStart.ROLLBACK
    return RefusedStage("Upgrade not started or already finalized")


def _to_idle(conditions: Conditions, after_pivot: bool) -> StageStart | RefusedStage | None:
    reason = reason_of(conditions, "Idle")
    if not reason:
        return StageStart.INIT
    if status_of(conditions, "Idle") == "True" or reason in (*LEAVING, "Blocked"):
        return None
    if "True" in (status_of(conditions, f"{s}Completed") for s in ("Upgrade", "Rollback")):
        return StageStart.FINALIZE
    if status_of(conditions, "RollbackCompleted") == "False":
        return RefusedStage("Transition to Idle not allowed - Rollback failed")
    if status_of(conditions, "RollbackInProgress") == "True":
        return RefusedStage("Transition to Idle not allowed - Rollback is in progress")
    if after_pivot:
        return RefusedStage("Transition to Idle not allowed - Rollback first")
    return StageStart.ABORT

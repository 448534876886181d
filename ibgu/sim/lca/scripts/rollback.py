"""Describes Rollback: the reboot back into the original stateroot."""

from ibgu.sim.attempts import StageAttempt
from ibgu.sim.faults import FaultPoint
from ibgu.sim.lca.script_steps import (
    BootOldStateroot,
    ClearExpiration,
    RestoreIbu,
    Script,
    ScriptStep,
    SetCondition,
    ShutDownNode,
    beat,
    completed,
    failed,
    say,
)
from ibgu.sim.lca.scripts.health import health_wait, waiting

_REQUESTED = "Rollback requested"


def rollback(attempt: StageAttempt) -> Script:
    accepted = beat(
        0.0,
        SetCondition("UpgradeCompleted", "False", "Failed", _REQUESTED),
        SetCondition("UpgradeInProgress", "False", "Failed", _REQUESTED),
        say("Rollback", "In progress"),
    )
    wait = health_wait(attempt, say("Rollback", waiting("Rollback stage")), checked=False)
    return (accepted, *wait, *_reboot(attempt))


def _reboot(attempt: StageAttempt) -> list[ScriptStep]:
    begin = attempt.durations["rollback-start"]
    initiating = beat(begin * 0.3, say("Rollback", "Initiating rollback"))
    if fault := attempt.active_fault(FaultPoint.OSTREE):
        return [initiating, beat(begin * 0.7, *failed("Rollback", fault.message))]
    dark = attempt.durations["rollback-reboot"]
    if fault := attempt.active_fault(FaultPoint.DARK):
        dark += attempt.length(fault)
    settle = attempt.durations["rollback-settle"]
    return [
        initiating,
        beat(begin * 0.4, ClearExpiration(), say("Rollback", "Completing rollback")),
        beat(begin * 0.3, ShutDownNode()),
        beat(dark, BootOldStateroot()),
        beat(settle * 0.2, RestoreIbu()),
        beat(settle * 0.8, *completed("Rollback", "Rollback completed")),
    ]

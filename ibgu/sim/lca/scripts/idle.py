"""Describes the way back to Idle: abort (no health check) and finalize."""

from ibgu.sim.attempts import StageAttempt
from ibgu.sim.faults import FaultPoint
from ibgu.sim.lca.script_steps import (
    AwaitCleanup,
    ClearConditions,
    EndStage,
    Script,
    SetCondition,
    beat,
)
from ibgu.sim.lca.scripts.health import health_wait, waiting


def abort(attempt: StageAttempt) -> Script:
    accepted = beat(0.0, SetCondition("Idle", "False", "Aborting", "Aborting"))
    return (accepted, *_outcome(attempt, attempt.durations["abort"], "AbortFailed"))


def finalize(attempt: StageAttempt) -> Script:
    accepted = beat(0.0, SetCondition("Idle", "False", "Finalizing", "Finalizing"))
    still = SetCondition("Idle", "False", "Finalizing", waiting("finalize (idle) stage"))
    seconds = attempt.durations["finalize"]
    wait = health_wait(attempt, still, seconds * 0.5)
    return (accepted, *wait, *_outcome(attempt, seconds * 0.5, "FinalizeFailed"))


def _outcome(attempt: StageAttempt, seconds: float, failure: str) -> Script:
    if fault := attempt.active_fault(FaultPoint.CLEANUP):
        stuck = SetCondition("Idle", "False", failure, fault.message)
        return (beat(seconds, stuck, EndStage("failed", fault.message), AwaitCleanup()),)
    return (beat(seconds, ClearConditions(), EndStage("completed", "Idle")),)

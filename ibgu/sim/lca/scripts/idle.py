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


def abort(fate: StageAttempt) -> Script:
    accepted = beat(0.0, SetCondition("Idle", "False", "Aborting", "Aborting"))
    return (accepted, *_outcome(fate, fate.durations["abort"], "AbortFailed"))


def finalize(fate: StageAttempt) -> Script:
    accepted = beat(0.0, SetCondition("Idle", "False", "Finalizing", "Finalizing"))
    still = SetCondition("Idle", "False", "Finalizing", waiting("finalize (idle) stage"))
    seconds = fate.durations["finalize"]
    wait = health_wait(fate, still, seconds * 0.5)
    return (accepted, *wait, *_outcome(fate, seconds * 0.5, "FinalizeFailed"))


def _outcome(fate: StageAttempt, seconds: float, failure: str) -> Script:
    if fault := fate.active_fault(FaultPoint.CLEANUP):
        stuck = SetCondition("Idle", "False", failure, fault.message)
        return (beat(seconds, stuck, EndStage("failed", fault.message), AwaitCleanup()),)
    return (beat(seconds, ClearConditions(), EndStage("completed", "Idle")),)

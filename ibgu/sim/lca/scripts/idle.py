"""Describes the way back to Idle: abort (no health check) and finalize."""

from ibgu.sim.course import Fate
from ibgu.sim.faults import Where
from ibgu.sim.lca.beats import AwaitCleanup, Clean, EndStage, Script, Set, beat
from ibgu.sim.lca.scripts.health import health_wait, waiting


def abort(fate: Fate) -> Script:
    accepted = beat(0.0, Set("Idle", "False", "Aborting", "Aborting"))
    return (accepted, *_outcome(fate, fate.durations["abort"], "AbortFailed"))


def finalize(fate: Fate) -> Script:
    accepted = beat(0.0, Set("Idle", "False", "Finalizing", "Finalizing"))
    still = Set("Idle", "False", "Finalizing", waiting("finalize (idle) stage"))
    seconds = fate.durations["finalize"]
    wait = health_wait(fate, still, seconds * 0.5)
    return (accepted, *wait, *_outcome(fate, seconds * 0.5, "FinalizeFailed"))


def _outcome(fate: Fate, seconds: float, failure: str) -> Script:
    if fault := fate.strikes(Where.CLEANUP):
        stuck = Set("Idle", "False", failure, fault.message)
        return (beat(seconds, stuck, EndStage("failed", fault.message), AwaitCleanup()),)
    return (beat(seconds, Clean(), EndStage("completed", "Idle")),)

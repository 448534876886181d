"""Describes the course of each stage as a script: condition writes in order, with their times."""

from ibgu.core.model.kinds import JsonObject
from ibgu.sim.attempts import StageAttempt
from ibgu.sim.faults import FaultPoint
from ibgu.sim.lca.script_steps import RemoveCondition, Script, SetCondition, beat
from ibgu.sim.lca.scripts.idle import abort, finalize
from ibgu.sim.lca.scripts.prep import prep
from ibgu.sim.lca.scripts.rollback import rollback
from ibgu.sim.lca.scripts.upgrade import upgrade
from ibgu.sim.lca.stages import StageStart


def script_for(start: StageStart, attempt: StageAttempt, ibu: JsonObject) -> Script:
    script = _slowed(_plain(start, attempt, ibu), attempt)
    fault = attempt.active_fault(FaultPoint.BLOCKED)
    if fault is None:
        return script
    kind = "Idle" if start in _TO_IDLE else f"{start.value}InProgress"
    block = SetCondition(kind, "False", "Blocked", fault.message)
    first, *rest = script
    unblocked = beat(attempt.length(fault), RemoveCondition(kind), *first.effects)
    return (beat(0.0, block), unblocked, *rest)


_TO_IDLE = (StageStart.INIT, StageStart.ABORT, StageStart.FINALIZE)


def _slowed(script: Script, attempt: StageAttempt) -> Script:
    """A stage that succeeds, but late: its last beat waits."""
    fault = attempt.active_fault(FaultPoint.SLOW)
    if fault is None:
        return script
    *before, last = script
    return (*before, beat(last.after + attempt.length(fault), *last.effects))


def _plain(start: StageStart, attempt: StageAttempt, ibu: JsonObject) -> Script:
    match start:
        case StageStart.PREP:
            return prep(attempt)
        case StageStart.UPGRADE:
            return upgrade(attempt, ibu)
        case StageStart.ROLLBACK:
            return rollback(attempt)
        case StageStart.ABORT:
            return abort(attempt)
        case StageStart.FINALIZE:
            return finalize(attempt)
        case StageStart.INIT:
            return (beat(0.0, SetCondition("Idle", "True", "Idle", "Idle")),)

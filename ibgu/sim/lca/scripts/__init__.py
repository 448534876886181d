"""Describes the course of each stage as a script: condition writes in order, with their times."""

from ibgu.core.model.kinds import JsonObject
from ibgu.sim.course import Fate
from ibgu.sim.faults import Where
from ibgu.sim.lca.beats import RemoveCondition, Script, Set, beat
from ibgu.sim.lca.scripts.idle import abort, finalize
from ibgu.sim.lca.scripts.prep import prep
from ibgu.sim.lca.scripts.rollback import rollback
from ibgu.sim.lca.scripts.upgrade import upgrade
from ibgu.sim.lca.stages import Start


def script_for(start: Start, fate: Fate, ibu: JsonObject) -> Script:
    script = _slowed(_plain(start, fate, ibu), fate)
    fault = fate.strikes(Where.BLOCKED)
    if fault is None:
        return script
    kind = "Idle" if start in _TO_IDLE else f"{start.value}InProgress"
    block = Set(kind, "False", "Blocked", fault.message)
    first, *rest = script
    unblocked = beat(fate.length(fault), RemoveCondition(kind), *first.effects)
    return (beat(0.0, block), unblocked, *rest)


_TO_IDLE = (Start.INIT, Start.ABORT, Start.FINALIZE)


def _slowed(script: Script, fate: Fate) -> Script:
    """A stage that succeeds, but late: its last beat waits."""
    fault = fate.strikes(Where.SLOW)
    if fault is None:
        return script
    *before, last = script
    return (*before, beat(last.after + fate.length(fault), *last.effects))


def _plain(start: Start, fate: Fate, ibu: JsonObject) -> Script:
    match start:
        case Start.PREP:
            return prep(fate)
        case Start.UPGRADE:
            return upgrade(fate, ibu)
        case Start.ROLLBACK:
            return rollback(fate)
        case Start.ABORT:
            return abort(fate)
        case Start.FINALIZE:
            return finalize(fate)
        case Start.INIT:
            return (beat(0.0, Set("Idle", "True", "Idle", "Idle")),)

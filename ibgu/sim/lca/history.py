"""Updates the history of stages and phases in the status of an ImageBasedUpgrade."""

from ibgu.core.model.kinds import JsonObject
from ibgu.sim.clock import timestamp

History = list[JsonObject]


def entered(history: History, stage: str, now: float) -> History:
    return [*history, {"stage": stage, "startTime": timestamp(now)}]


def in_phase(history: History, phase: str, now: float) -> History:
    """Closes the open phase of the last stage; opens `phase` unless it is empty."""
    if not history:
        return history
    *before, stage = history
    phases = list(stage.get("phases") or [])
    if phases and "completionTime" not in phases[-1]:
        phases[-1] = {**phases[-1], "completionTime": timestamp(now)}
    if phase:
        phases.append({"phase": phase, "startTime": timestamp(now)})
    return [*before, {**stage, "phases": phases}]


def closed(history: History, now: float) -> History:
    """The last stage has succeeded."""
    *before, stage = history
    return [*before, {**stage, "completionTime": timestamp(now)}]

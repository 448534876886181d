"""Updates the conditions of an ImageBasedUpgrade, whose order says what flipped last."""

from ibgu.core.model.kinds import JsonObject
from ibgu.sim.clock import timestamp

Conditions = list[JsonObject]


def find_condition(conditions: Conditions, kind: str) -> JsonObject | None:
    return next((c for c in conditions if c["type"] == kind), None)


def status_of(conditions: Conditions, kind: str) -> str:
    """Returns `True`, `False`, or empty if there is no such condition."""
    found = find_condition(conditions, kind)
    return str(found["status"]) if found else ""


def reason_of(conditions: Conditions, kind: str) -> str:
    found = find_condition(conditions, kind)
    return str(found["reason"]) if found else ""


def set_condition(
    conditions: Conditions,
    kind: str,
    status: str,
    reason: str,
    message: str,
    *,
    generation: int,
    now: float,
) -> Conditions:
    """Returns a new list with that condition. A flipped one (and Idle always) moves to the end and
    gets a new transition time; one that keeps its status keeps its place and its time."""
    old = find_condition(conditions, kind)
    new: JsonObject = {
        "type": kind,
        "status": status,
        "reason": reason,
        "message": message,
        "observedGeneration": generation,
        "lastTransitionTime": timestamp(now),
    }
    moves = old is not None and old is not conditions[-1] and kind == "Idle"
    if old is not None and old["status"] == status and not moves:
        new["lastTransitionTime"] = old["lastTransitionTime"]
        return [new if c is old else c for c in conditions]
    return [c for c in conditions if c is not old] + [new]


def without(conditions: Conditions, *kinds: str) -> Conditions:
    return [c for c in conditions if c["type"] not in kinds]

"""Finds conditions in a list."""

from collections.abc import Iterable

from msgspec.structs import replace

from ibgu.core.model.kinds import Condition
from ibgu.core.text.cut import cut

NONE = Condition()


def find(conditions: Iterable[Condition], type_: str) -> Condition:
    """Returns the condition of that type, its message cut; an empty one if there is none."""
    for condition in conditions:
        if condition.type == type_:
            return bounded(condition)
    return NONE


def bounded(condition: Condition) -> Condition:
    """Returns the condition with its texts cut to the size that may be kept."""
    status, reason, message = map(cut, (condition.status, condition.reason, condition.message))
    if message is condition.message and reason is condition.reason and status is condition.status:
        return condition
    return replace(condition, status=status, reason=reason, message=message)


def status_of(conditions: Iterable[Condition], type_: str) -> str:
    return find(conditions, type_).status

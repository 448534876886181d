"""Looking things up in a list of conditions."""

from collections.abc import Iterable

from ibgu.core.kinds import Condition

NONE = Condition()


def find(conditions: Iterable[Condition], type_: str) -> Condition:
    """The condition of that type; an empty one if there is none."""
    for condition in conditions:
        if condition.type == type_:
            return condition
    return NONE


def status_of(conditions: Iterable[Condition], type_: str) -> str:
    return find(conditions, type_).status

"""Values of filters: what the columns print, however it is capitalized."""

from collections.abc import Iterable
from difflib import get_close_matches

import typer

_SHORT = 12
"""Values that a person reads through; of more, the one that was meant is enough."""


def chosen(option: str, given: str, allowed: Iterable[str]) -> str:
    """Return the value as it is spelt; an unknown one is refused with those that there are."""
    known = {each.lower(): each for each in allowed}
    found = known.get(given.strip().removesuffix("(stalled)").strip().lower())
    if found is not None:
        return found
    near = get_close_matches(given.lower(), known, 1)
    meant = f": do you mean {known[near[0]]}?" if near else "."
    there_are = f" There are: {', '.join(known.values())}"
    words = meant if near and len(known) > _SHORT else meant + there_are
    raise typer.BadParameter(f"{given!r} is unknown{words}", param_hint=option)


def causes() -> list[str]:
    """What a cluster may have failed for: a cause, or the name of a known failure."""
    from ibgu.core.failures import Failure
    from ibgu.core.model import Cause

    return list(dict.fromkeys([*map(str, Cause), *map(str, Failure)]))


def every_action() -> list[str]:
    """The actions of a step."""
    from ibgu.core.model import Action

    return list(map(str, Action))


def reasons() -> list[str]:
    from ibgu.core.model import ReasonKind

    return list(map(str, ReasonKind))


def states() -> list[str]:
    """A member's state, and how it ended."""
    from ibgu.core.model import MemberState, Outcome

    return [*map(str, MemberState), *map(str, Outcome)]

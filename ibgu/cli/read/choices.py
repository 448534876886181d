"""Checks values of filters: what the columns print, in any case."""

import re
from collections.abc import Iterable
from difflib import get_close_matches

import typer

_MARK = re.compile(r"\s*\((stalled|overdue)\)$")
_SHORT = 12
"""The most values that are all listed; of more, only the closest match is."""


def chosen(option: str, given: str, allowed: Iterable[str]) -> str:
    """Returns the value as it is spelt; refuses an unknown one with the known ones."""
    known = {each.lower(): each for each in allowed}
    found = known.get(_MARK.sub("", given.strip()).lower())
    if found is not None:
        return found
    near = get_close_matches(given.lower(), known, 1)
    meant = f": do you mean {known[near[0]]}?" if near else "."
    there_are = f" There are: {', '.join(known.values())}"
    words = meant if near and len(known) > _SHORT else meant + there_are
    raise typer.BadParameter(f"{given!r} is unknown{words}", param_hint=option)


def causes() -> list[str]:
    """Returns what a cluster may have failed for: causes, and names of known failures."""
    from ibgu.core import drivers
    from ibgu.core.model import Cause

    return list(dict.fromkeys([*map(str, Cause), *drivers.failure_names()]))


def every_action() -> list[str]:
    """Returns the actions of a step."""
    from ibgu.core import drivers

    return drivers.every_action(lambda action: not action.part_of)


def reasons() -> list[str]:
    from ibgu.core.model import ReasonKind

    return list(map(str, ReasonKind))


def states() -> list[str]:
    """Returns the states and outcomes of a member."""
    from ibgu.core.model import MemberState, Outcome

    return [*map(str, MemberState), *map(str, Outcome)]

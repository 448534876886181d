"""Selects who can be skipped: only clusters that wait in the running step. The state of the others
is reported before a skip is asked for and when it is carried out."""

import re
from collections.abc import Iterable, Mapping
from datetime import datetime

from ibgu.core.model import InFlight, Member, Outcome, as_displayed
from ibgu.core.text.counted import first_names
from ibgu.core.text.harmless import one_line

ALL_WAITING = "waiting"
"""The first part of a value that means all waiting clusters."""
_CLUSTER = re.compile(r"[a-z0-9]([-a-z0-9.]*[a-z0-9])?")
"""Matches step and cluster names, but not the time that makes a value a new one."""
_STEP = re.compile(r"step-[0-9]+")
_NAMED = 5
_MAX_CHARACTERS = 40
"""Characters of what is no name that are shown."""


def named(value: str) -> list[str]:
    """Returns the clusters that a value of `ibgu.dev/skip` names, each once."""
    return [part for part in _parts(value) if _CLUSTER.fullmatch(part)]


def unnamed(value: str) -> dict[str, str]:
    """Returns the parts of a value of `ibgu.dev/skip` that can be no cluster, as they are shown,
    with the reason. A time is none of them: it makes the value a new one."""
    others = (part for part in _parts(value) if part and not _CLUSTER.fullmatch(part))
    return {
        f'"{one_line(part[:_MAX_CHARACTERS])}"': "not the name of a cluster"
        for part in others
        if not _is_time(part)
    }


def takes_all(value: str) -> bool:
    """Returns whether a value of `ibgu.dev/skip` stands for all waiting clusters."""
    return value.split(",")[0].strip() == ALL_WAITING


def steps_of(value: str) -> list[str]:
    """Returns the steps to which a value that takes all is limited, such as `step-2`."""
    return [part for part in _parts(value) if _STEP.fullmatch(part)]


def beside_all(value: str) -> list[str]:
    """Returns what does not go with a value that takes all, such as names of clusters, as it is
    shown. A date may be such a name; a time of day makes the value a new one."""
    if not takes_all(value):
        return []
    others = (part for part in _parts(value) if part and part != ALL_WAITING)
    return [
        f'"{one_line(part[:_MAX_CHARACTERS])}"'
        for part in others
        if not _STEP.fullmatch(part) and (_CLUSTER.fullmatch(part) or not _is_time(part))
    ]


def contradicts(others: Iterable[str]) -> str:
    """Returns that a value is refused; `others`: what stands beside the word for all."""
    shown = first_names(others, _NAMED)
    return (
        f"nothing skipped: {ALL_WAITING} takes all waiting clusters, and beside it stands {shown}; "
        f"give names without {ALL_WAITING}, or {ALL_WAITING} without names"
    )


def _parts(value: str) -> Iterable[str]:
    """Returns the parts of a value, each once."""
    return dict.fromkeys(part.strip() for part in value.split(","))


def _is_time(part: str) -> bool:
    try:
        datetime.fromisoformat(part)
    except ValueError:
        return False
    return True


def not_waiting(
    clusters: Iterable[str], members: Mapping[str, Member], step: int
) -> dict[str, str]:
    """Returns the state of those clusters that can't be skipped, in the order given.

    `members` of the running step, whose index is `step`. A skipped cluster is as requested.
    """
    states = {cluster: _where(members.get(cluster), step) for cluster in clusters}
    return {cluster: words for cluster, words in states.items() if words}


def _where(member: Member | None, step: int) -> str:
    """Returns the member's state; empty: it waits, or is skipped already."""
    if member is None:
        return f"not in step {step + 1}"
    if isinstance(member, InFlight):
        return f"in flight ({member.run.action})"
    outcome = as_displayed(member).outcome
    return "" if outcome in (None, Outcome.SKIPPED) else f"{outcome} already"


def listed(states: Mapping[str, str]) -> str:
    """Returns the clusters by state: "in flight (Prep): s1, s2; not in step 2: s9"."""
    groups: dict[str, list[str]] = {}
    for cluster, words in states.items():
        groups.setdefault(words, []).append(cluster)
    return "; ".join(f"{words}: {first_names(names, _NAMED)}" for words, names in groups.items())

"""Every picture that a rollout's history ever gave, to compare with what was shown meanwhile."""

from collections.abc import Iterable, Mapping
from datetime import datetime

from msgspec import Struct, to_builtins

from ibgu.cli.show.playback import Playback
from ibgu.db.views import EventRow

Numbers = Mapping[str, int | str]
"""What a surface shows of a whole rollout, by name: `phase`, `step`, and counts."""


class Shown(Struct, frozen=True):
    """Numbers that were seen together on one screen, or came in one answer."""

    surface: str
    numbers: Numbers


def moments(events: Iterable[EventRow], namespace: str, name: str) -> list[Numbers]:
    """Return the numbers after each commit, oldest first: events of one commit have one time."""
    playback, found, at = Playback(namespace, name), list[Numbers](), None
    for event in events:
        if at is not None and event.at != at:
            found.append(_numbers(playback, at))
        playback.feed(event)
        at = event.at
    return [*found, _numbers(playback, at)] if at is not None else found


def _numbers(playback: Playback, now: datetime) -> Numbers:
    rollout = playback.seen(now).rollout
    step = rollout.current.step if rollout.current else 0
    return {"phase": rollout.phase, "step": step, **to_builtins(rollout.counts)}


def never_were(shown: Iterable[Shown], true: list[Numbers]) -> list[Shown]:
    """Return what no moment had, or had only before what the same surface showed earlier."""
    reached: dict[str, int] = {}
    wrong = []
    for each in shown:
        first = reached.get(each.surface, 0)
        fits = (n for n in range(first, len(true)) if each.numbers.items() <= true[n].items())
        if (moment := next(fits, None)) is None:
            wrong.append(each)
        else:
            reached[each.surface] = moment
    return wrong

"""Patience with one that goes first at a policy's places and takes none (R50.17).

A place must not stay free for a cluster that does not answer. Whom others wait for is a rollout
or, for rollouts of other namespaces, all rollouts of a namespace together: else each further
rollout of silent clusters would cost everybody the same time again.
"""

from collections.abc import Callable
from datetime import datetime, timedelta

from msgspec import Struct
from msgspec.structs import replace

from ibgu.core.engine.timing.times import PROBE_TIMEOUT

PATIENCE = 2 * PROBE_TIMEOUT
"""How long others wait for one that goes first and takes no place."""
MAX_LAPSES = 6
"""The turns in vain up to which others pass it twice as often after each."""

Key = tuple[str, str]
"""The names of a policy, and of whom others wait for."""


class Taken(Struct, frozen=True):
    """Taken is what was taken of a policy's places so far, as numbers that grow."""

    own: int
    """When the one that others wait for took a place last; 0: never."""
    all: int
    """How many places everybody has taken."""


class Turn(Struct, frozen=True):
    """Turn is how it stands with one that goes first."""

    taken: Taken
    room: int
    """How many places the policy has."""
    able: bool
    """Whether it could take one now."""


class _Awaited(Struct, frozen=True):
    """_Awaited is one for whom others wait, or waited, since it took a place last."""

    own: int
    since: datetime | None
    """None: nobody waits for it now."""
    waited: timedelta = timedelta()
    """How long others waited before that, in vain."""
    lapses: int = 0
    """How often others went on without it."""
    until: int = 0
    """The number of places taken, by all, from which it may go first again."""


class Patience:
    """Patience knows for whom others wait, and whom they pass because it has taken no place for too
    long. Nothing of it is stored."""

    def __init__(self) -> None:
        self._awaited: dict[Key, _Awaited] = {}

    def begin(self, key: Key, taken: Taken, now: datetime) -> None:
        """Notes that others wait for it from now on, unless they do already or pass it."""
        known = self._awaited.get(key)
        if known is None or known.own != taken.own:
            self._awaited[key] = _Awaited(taken.own, now)
        elif known.since is None and taken.all >= known.until:
            self._awaited[key] = replace(known, since=now)

    def is_over(self, key: Key, taken: Taken) -> bool:
        """Returns whether others pass it."""
        known = self._awaited.get(key)
        if known is None or known.own != taken.own:
            return False
        return known.since is None and taken.all < known.until

    def lapse(self, turn: Callable[[Key], Turn | None], now: datetime) -> bool:
        """Ends the turns of those that could have taken a place for too long; returns whether one
        has ended, so that others may go on. `turn` returns None for what is gone."""
        ended = False
        for key, known in list(self._awaited.items()):
            found = turn(key)
            if found is None or found.taken.own != known.own:
                del self._awaited[key]
            elif known.since is not None:
                after = _later(known, known.since, found, now)
                ended = ended or after.since is None
                self._awaited[key] = after
        return ended


def _later(known: _Awaited, since: datetime, turn: Turn, now: datetime) -> _Awaited:
    """Returns what is known of one for whom others have waited since then."""
    waited = known.waited + max(timedelta(), now - since)
    if not turn.able:
        # Those behind it were decided on while it could, and nothing else tells them. The time
        # counts on: a rollout that is paused and resumed again and again holds nobody for ever.
        return replace(known, since=None, waited=waited)
    if waited < PATIENCE and since <= now:
        return known
    # Others take as many places as the policy has, and twice as many each time. One that never went
    # first again could starve behind rollouts whose clusters answer sooner.
    until = turn.taken.all + max(1, turn.room) * 2**known.lapses
    lapses = min(known.lapses + 1, MAX_LAPSES)
    return replace(known, since=None, waited=timedelta(), lapses=lapses, until=until)

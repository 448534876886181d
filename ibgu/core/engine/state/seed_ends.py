"""Records how Upgrades to each seed image have ended, over all rollouts of the hub, for the circuit
breakers of the catalogue's entries (R19.4)."""

from bisect import bisect_left, bisect_right, insort
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta

from msgspec import Struct

from ibgu.core.engine.state.step import ActionEnd
from ibgu.core.model import Cause

LONGEST_WINDOW = timedelta(days=7)
"""Ends that are older count for no circuit breaker."""


class SeedTally(Struct, frozen=True):
    """SeedTally counts the Upgrades to one seed image that have ended within a window."""

    ended: int = 0
    failed: int = 0
    cause: Cause | None = None
    """The most frequent cause of failures; None: no Upgrade has failed."""
    of_cause: int = 0
    """The failures with this cause."""


class SeedEnds:
    """Ends of Upgrades, in memory; a restart loads them from the journal, also those of rollouts
    that were deleted since."""

    def __init__(self) -> None:
        self._ended: dict[str, list[datetime]] = {}
        self._failed: dict[str, dict[Cause, list[datetime]]] = {}

    def load(self, past: Iterable[tuple[str, ActionEnd]]) -> None:
        """Loads ends as (digest of the image, end)."""
        for image, end in past:
            self._add(image, end)

    def replace(
        self, image: str, before: ActionEnd | None, after: ActionEnd | None
    ) -> Callable[[], None]:
        """Replaces a member's end, by the digest of the image, and returns the undo."""
        if before == after:
            return _nothing
        self._exchange(image, before, after)
        return lambda: self._exchange(image, after, before)

    def tally(self, image: str, after: datetime) -> SeedTally:
        """Counts what has ended after that time."""
        counts = {
            cause: _later(times, after) for cause, times in self._failed.get(image, {}).items()
        }
        failed = sum(counts.values())
        ended = _later(self._ended.get(image, []), after)
        if not failed:
            return SeedTally(ended)
        cause = max(counts, key=lambda each: (counts[each], each))
        return SeedTally(ended, failed, cause, counts[cause])

    def drop_outdated(self, now: datetime) -> None:
        """Drops ends that no longer count; called between cycles."""
        causes = (times for found in self._failed.values() for times in found.values())
        for times in (*self._ended.values(), *causes):
            if times and times[0] <= now - LONGEST_WINDOW:
                del times[: bisect_right(times, now - LONGEST_WINDOW)]

    def _exchange(self, image: str, old: ActionEnd | None, new: ActionEnd | None) -> None:
        if old is not None:
            for times in self._of(image, old):
                _drop(times, old.at)
        if new is not None:
            self._add(image, new)

    def _add(self, image: str, end: ActionEnd) -> None:
        for times in self._of(image, end):
            insort(times, end.at)

    def _of(self, image: str, end: ActionEnd) -> list[list[datetime]]:
        found = [self._ended.setdefault(image, [])]
        if end.cause is not None:
            found.append(self._failed.setdefault(image, {}).setdefault(end.cause, []))
        return found


def _later(times: list[datetime], after: datetime) -> int:
    return len(times) - bisect_right(times, after)


def _drop(times: list[datetime], at: datetime) -> None:
    """Drops one of the ends at that time, unless it was outdated."""
    place = bisect_left(times, at)
    if times[place : place + 1] == [at]:
        del times[place]


def _nothing() -> None:
    """Undoes no change."""

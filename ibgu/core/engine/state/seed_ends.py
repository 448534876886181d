"""Records how Upgrades to each image have ended, over all rollouts of the hub, for the circuit
breakers of the catalogue's entries and of policies (R19.4, R50.10)."""

from bisect import bisect_left, bisect_right, insort
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta

from msgspec import Struct

from ibgu.core.engine.state.action_ends import ActionEnd
from ibgu.core.model import Cause
from ibgu.core.model.seed_image import SeedCircuitBreaker
from ibgu.core.text.counted import counted

REMEMBERED = timedelta(days=14)
"""Ends that are older count for no circuit breaker: the longest window, and seven days in which an
engaged one is still known."""
MAX_JUDGED = 1000
"""The most limits and resumes of one image whose judgements are kept."""


class SeedTally(Struct, frozen=True):
    """SeedTally counts the Upgrades to one seed image that have ended within a window."""

    ended: int = 0
    failed: int = 0
    cause: Cause | None = None
    """The most frequent cause of failures; None: no Upgrade has failed."""
    of_cause: int = 0
    """The failures with this cause."""

    def too_many_alike(self, limits: SeedCircuitBreaker) -> bool:
        return 0 < limits.same_cause <= self.of_cause

    def exceeds(self, limits: SeedCircuitBreaker) -> bool:
        """Returns whether one of the limits is reached."""
        enough = limits.percent > 0 and self.ended >= max(1, limits.minimum_upgrades)
        share = enough and 100 * self.failed >= limits.percent * self.ended
        return share or self.too_many_alike(limits)


def exceeded(limits: SeedCircuitBreaker, found: SeedTally) -> str:
    """Returns which of the limits was reached."""
    if found.too_many_alike(limits):
        return f"{counted(found.of_cause, 'upgrade')} failed with {found.cause}"
    return f"{found.failed} of {found.ended} upgrades failed"


class _Judged(Struct):
    """_Judged is how far the failures are judged by some limits."""

    removals: int
    until: datetime
    found: SeedTally | None = None


class _Image:
    """_Image has the ends of the Upgrades to one image, in order of time."""

    def __init__(self) -> None:
        self.ended: list[datetime] = []
        self.failed: list[datetime] = []
        self.by_cause: dict[Cause, list[datetime]] = {}
        self.removals = 0
        """Number of ends that were taken away, or came in between: what was judged no longer
        holds."""
        self._judged: dict[tuple[SeedCircuitBreaker, datetime], _Judged] = {}

    def lists(self, end: ActionEnd) -> list[list[datetime]]:
        if end.cause is None:
            return [self.ended]
        return [self.ended, self.failed, self.by_cause.setdefault(end.cause, [])]

    def engaged(self, limits: SeedCircuitBreaker, since: datetime) -> SeedTally | None:
        judged = self._judged.get((limits, since))
        if judged is None or judged.removals != self.removals:
            if len(self._judged) >= MAX_JUDGED:
                self._judged.clear()
            judged = self._judged[limits, since] = _Judged(self.removals, since)
        while judged.found is None:
            place = bisect_right(self.failed, judged.until)
            if place == len(self.failed):
                break
            judged.until = at = self.failed[place]
            found = self._tally(max(since, at - limits.window), at)
            judged.found = found if found.exceeds(limits) else None
        return judged.found

    def _tally(self, after: datetime, until: datetime) -> SeedTally:
        counts = {cause: _within(times, after, until) for cause, times in self.by_cause.items()}
        cause = max(counts, key=lambda each: (counts[each], each))
        return SeedTally(
            _within(self.ended, after, until), sum(counts.values()), cause, counts[cause]
        )


class SeedEnds:
    """Ends of Upgrades by what tells the images apart, in memory. A restart loads them from the
    journal, also those of rollouts that were deleted since."""

    def __init__(self) -> None:
        self._images: dict[str, _Image] = {}

    def load(self, past: Iterable[tuple[str, ActionEnd]]) -> None:
        """Loads ends as (image, end)."""
        for image, end in past:
            self._exchange(image, None, end)

    def replace(
        self, image: str, before: ActionEnd | None, after: ActionEnd | None
    ) -> Callable[[], None]:
        """Replaces a member's end, by the image, and returns the undo."""
        if before == after:
            return _nothing
        self._exchange(image, before, after)
        return lambda: self._exchange(image, after, before)

    def engaged(
        self, image: str, limits: SeedCircuitBreaker, since: datetime | None
    ) -> SeedTally | None:
        """Returns what had ended within the window when a failure reached one of the limits; None:
        none has. Only what ended after `since` counts; None: all of it."""
        found = self._images.get(image)
        return found.engaged(limits, since or _BEGINNING) if found is not None else None

    def drop_outdated(self, now: datetime) -> None:
        """Drops ends that no longer count; called between cycles."""
        last = now - REMEMBERED
        for image, found in list(self._images.items()):
            if not found.ended or found.ended[0] > last:
                continue
            for times in (found.ended, found.failed, *found.by_cause.values()):
                del times[: bisect_right(times, last)]
            found.removals += 1
            if not found.ended:
                del self._images[image]

    def _exchange(self, image: str, old: ActionEnd | None, new: ActionEnd | None) -> None:
        found = self._images.setdefault(image, _Image())
        if old is not None:
            found.removals += 1
            for times in found.lists(old):
                _drop(times, old.at)
        if new is not None:
            if found.failed and new.at <= found.failed[-1]:
                found.removals += 1
            for times in found.lists(new):
                insort(times, new.at)


_BEGINNING = datetime.min.replace(tzinfo=UTC)


def _within(times: list[datetime], after: datetime, until: datetime) -> int:
    return bisect_right(times, until) - bisect_right(times, after)


def _drop(times: list[datetime], at: datetime) -> None:
    """Drops one of the ends at that time, unless it was outdated."""
    place = bisect_left(times, at)
    if times[place : place + 1] == [at]:
        del times[place]


def _nothing() -> None:
    """Undoes no change."""

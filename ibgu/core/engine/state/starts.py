"""Records recent starts of members, which limits on starts per minute count."""

from bisect import bisect_right, insort
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime

from ibgu.core.engine.timing.rate_limits import MINUTE


class Starts:
    """Starts of steps that may be rate-limited, in memory; a restart loads them from the journal's
    runs."""

    def __init__(self) -> None:
        self._all: list[datetime] = []
        self._of: dict[str, list[datetime]] = {}
        self._last: dict[str, datetime] = {}

    def load(self, started: Iterable[tuple[str, datetime]]) -> None:
        """Loads starts as (rollout's uid, time)."""
        for rollout, at in started:
            self.add(rollout, at)

    def add(self, rollout: str, at: datetime) -> Callable[[], None]:
        """Adds a start and returns its undo."""
        before = self._last.get(rollout)
        mine = self._of.setdefault(rollout, [])
        insort(self._all, at)
        insort(mine, at)
        self._last[rollout] = at if before is None else max(before, at)

        def undo() -> None:
            _drop(self._all, at)
            _drop(mine, at)
            if before is None:
                del self._last[rollout]
            else:
                self._last[rollout] = before

        return undo

    def recent(self, now: datetime, rollout: str | None = None) -> Sequence[datetime]:
        """Returns the starts of the last minute, in order; `rollout` None: those of the whole
        hub."""
        times = self._all if rollout is None else self._of.get(rollout, [])
        return times[bisect_right(times, now - MINUTE) :]

    def last(self, rollout: str) -> datetime | None:
        return self._last.get(rollout)

    def forget(self, rollout: str) -> None:
        """Forgets the rollout; its starts still count for the hub."""
        self._of.pop(rollout, None)
        self._last.pop(rollout, None)

    def drop_outdated(self, now: datetime) -> None:
        """Drops starts that no longer count; called between cycles. Future ones, from a clock that
        was set back, count as of now: they must not hold everybody for as long."""
        for times in (self._all, *self._of.values()):
            if times and times[0] <= now - MINUTE:
                del times[: bisect_right(times, now - MINUTE)]
            if times and times[-1] > now:
                times[:] = [min(at, now) for at in times]


def _drop(times: list[datetime], at: datetime) -> None:
    times.pop(bisect_right(times, at) - 1)

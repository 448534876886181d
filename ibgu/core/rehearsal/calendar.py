"""The times at which a policy lets an action start (R50.4, R50.5), found once for all runs."""

from bisect import bisect_left
from collections.abc import Sequence
from datetime import datetime, timedelta
from math import inf
from zoneinfo import ZoneInfo

from ibgu.core.engine.timing.windows import freeze_span, frozen, opening
from ibgu.core.model.rollout_policy import RolloutPolicySpec
from ibgu.core.rehearsal.model import NEVER

_MOMENT = timedelta(microseconds=1)
_FURTHEST = timedelta(days=400)
"""What opens only later counts as what never opens."""


class Calendar:
    """Calendar has the spans in which one policy lets one action start on the clusters of one time
    zone. They are found as they are asked for, and kept."""

    def __init__(
        self,
        spec: RolloutPolicySpec,
        zone: ZoneInfo | None,
        needed: timedelta,
        begin: datetime,
    ) -> None:
        """`needed`: for how long a window must stay open; none, if the policy asks for no fit."""
        self._spec = spec
        self._zone = zone
        self._needed = needed
        self._begin = begin
        self._last = begin + _FURTHEST
        self._starts: list[float] = []
        self._ends: list[float] = []
        self._next: datetime | None = None if self._hopeless() else begin

    def opens(self, now: float) -> float:
        """Returns the first time from `now` on at which the action may start; NEVER: there is
        none."""
        while self._next is not None and (not self._ends or self._ends[-1] < now):
            self._extend(self._next)
        place = bisect_left(self._ends, now)
        return max(now, self._starts[place]) if place < len(self._ends) else NEVER

    def closes(self, now: float) -> float:
        """Returns when the action may not start any more that may start now; NEVER: it may not
        start now, or that time does not come. A deadline at the same time comes before it."""
        if self.opens(now) > now:
            return NEVER
        return self._ends[bisect_left(self._ends, now)] + 2 * _MOMENT.total_seconds()

    @property
    def has_windows(self) -> bool:
        return bool(self._spec.windows)

    def missed(self, since: float, now: float) -> int:
        """Returns how many of the spans closed from `since` until before `now`. A freeze cuts a
        window in two."""
        self.opens(now)
        return bisect_left(self._ends, now) - bisect_left(self._ends, since)

    def _hopeless(self) -> bool:
        """Whether nothing ever starts, until a person changes something: the gate of windows."""
        windows: Sequence[object] = self._spec.windows
        if not windows:
            return False
        own = self._zone is None and any(not each.time_zone for each in self._spec.windows)
        longest = max(each.duration_minutes for each in self._spec.windows)
        return own or self._needed > timedelta(minutes=longest)

    def _extend(self, moment: datetime) -> None:
        start = self._first_from(moment)
        if start is None:
            self._next = None
            return
        end = self._closes(start)
        self._starts.append((start - self._begin).total_seconds())
        self._ends.append(inf if end is None else (end - self._begin).total_seconds())
        self._next = None if end is None else end + _MOMENT

    def _first_from(self, moment: datetime) -> datetime | None:
        while moment < self._last:
            if (found := frozen(self._spec.freezes, moment)) is not None:
                moment = found[1]
                continue
            if not self._spec.windows:
                return moment
            state = opening(self._spec.windows, self._zone, moment)
            if state.until is not None and moment + self._needed <= state.until:
                return moment
            later = (each for each in (state.until, state.opens) if each is not None)
            moment = min(later, default=self._last)
        return None

    def _closes(self, start: datetime) -> datetime | None:
        """Returns the last moment at which the action may start; None: there is none."""
        ends = [
            begin - _MOMENT for begin, _ in map(freeze_span, self._spec.freezes) if begin > start
        ]
        if self._spec.windows:
            until = opening(self._spec.windows, self._zone, start).until or start
            # A window is closed at the moment at which it closes, also without a need.
            ends.append(until - max(self._needed, _MOMENT))
        return min(ends, default=None)

"""Schedules refreshes on a heap of due times, so that each call costs only what is due."""

from collections.abc import Callable
from heapq import heapify, heappop, heappush

from msgspec import Struct

from ibgu.core.engine.refresh.budget import Budget
from ibgu.core.engine.refresh.eligibility import Eligibility
from ibgu.core.engine.refresh.ranges import RangeOf, chance, range_of
from ibgu.core.engine.timing.durations import DurationsByAction
from ibgu.core.model import ActionName

GAP = 30.0
"""The least number of seconds between two refreshes of one cluster (R21.2)."""
MAX_AGE = 600.0
"""The seconds to which the pause grows for a run that outlives its range."""
RETRY_SECONDS = 5.0
"""Seconds until a cluster that could not be read is considered again."""
SHORT = 1.0
"""Seconds until a cluster that did not fit into the budget is considered again."""


class RefreshTarget(Struct, frozen=True):
    """A run that its cluster has accepted."""

    rollout: str
    step: int
    cluster: str
    run: str
    action: ActionName
    began: float
    """When the run was armed."""


class _Followed(Struct):
    target: RefreshTarget
    late: int = 0
    """Refreshes since the run outlived its range."""


class RefreshSchedule:
    """RefreshSchedule keeps the runs to refresh by cluster: no two rollouts act on one at once
    (R6).

    Between two refreshes of one cluster there are always at least GAP seconds, also from one run to
    the next; the budget is never exceeded.
    """

    def __init__(self, rate: float, within: RangeOf = range_of) -> None:
        """`rate`: refreshes a second for the whole fleet; `within`: the ages of a run between which
        its refreshes are not delayed."""
        self.waiting = 0
        """How many were due at the last call and did not fit into the budget."""
        self._budget = Budget(rate)
        self._within = within
        self._duration_stats: DurationsByAction = {}
        self._followed: dict[str, _Followed] = {}
        self._refreshed: dict[str, float] = {}
        self._due: list[tuple[float, str, str]] = []

    @property
    def next_at(self) -> float | None:
        """Returns when to call `choose` again; None: no run is followed."""
        return self._due[0][0] if self._due else None

    def follow(self, target: RefreshTarget) -> None:
        """Follows the run until it is over; a run that is followed already stays as it is."""
        known = self._followed.get(target.cluster)
        if known is None or known.target.run != target.run:
            followed = self._followed[target.cluster] = _Followed(target)
            self._push(self._at(followed), followed)

    def learn(self, duration_stats: DurationsByAction, now: float) -> None:
        """Reschedules every refresh by durations that were measured again."""
        self._duration_stats = duration_stats
        self._due = [_entry(self._at(each), each) for each in self._followed.values()]
        heapify(self._due)
        self._refreshed = {
            cluster: at
            for cluster, at in self._refreshed.items()
            if cluster in self._followed or at + GAP > now
        }

    def choose(
        self, now: float, eligibility: Callable[[RefreshTarget], Eligibility]
    ) -> list[RefreshTarget]:
        """Returns the runs to refresh now: the likeliest to have ended first, among equals the one
        whose last refresh is the oldest."""
        due = self._take_due(now, eligibility)
        due.sort(key=lambda each: self._rank(each, now))
        granted = self._budget.take(now, len(due))
        self.waiting = len(due) - granted
        for each in due[:granted]:
            self._note(each, now)
        for each in due[granted:]:
            self._push(now + SHORT, each)
        return [each.target for each in due[:granted]]

    def _take_due(
        self, now: float, eligibility: Callable[[RefreshTarget], Eligibility]
    ) -> list[_Followed]:
        found = []
        while self._due and self._due[0][0] <= now:
            _, cluster, run = heappop(self._due)
            followed = self._followed.get(cluster)
            if followed is None or followed.target.run != run:
                continue
            stands = eligibility(followed.target)
            if stands is Eligibility.OPEN:
                found.append(followed)
            elif stands is Eligibility.CLOSED:
                self._push(now + RETRY_SECONDS, followed)
            else:
                del self._followed[cluster]
        return found

    def _rank(self, followed: _Followed, now: float) -> tuple[float, float, str]:
        target = followed.target
        last = max(target.began, self._refreshed.get(target.cluster, target.began))
        within = self._within(target.action, self._duration_stats)
        ended = chance(within, last - target.began, now - target.began)
        return (-ended, last, target.cluster)

    def _note(self, followed: _Followed, now: float) -> None:
        target = followed.target
        self._refreshed[target.cluster] = now
        if now - target.began >= self._within(target.action, self._duration_stats).high:
            followed.late += 1
        self._push(self._at(followed), followed)

    def _at(self, followed: _Followed) -> float:
        """Returns when the run's next refresh is due."""
        target = followed.target
        first = target.began + self._within(target.action, self._duration_stats).low
        last = self._refreshed.get(target.cluster)
        return first if last is None else max(first, last + _pause(followed.late))

    def _push(self, when: float, followed: _Followed) -> None:
        heappush(self._due, _entry(when, followed))


def _entry(when: float, followed: _Followed) -> tuple[float, str, str]:
    return (when, followed.target.cluster, followed.target.run)


def _pause(late: int) -> float:
    return float(min(MAX_AGE, GAP * 2 ** min(late, 10)))

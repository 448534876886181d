"""Who is refreshed when: a heap of due times, so that a moment costs what is due in it."""

from collections.abc import Callable
from heapq import heapify, heappop, heappush

from msgspec import Struct

from ibgu.core.forecast import DurationsByAction
from ibgu.core.model import Action
from ibgu.core.refresh.budget import Budget
from ibgu.core.refresh.eligibility import Eligibility
from ibgu.core.refresh.ranges import chance, range_of

GAP = 30.0
"""Seconds between two refreshes of one cluster, at least (R21.2)."""
LONGEST = 600.0
"""Seconds to which the pause grows for a run that outlives its range."""
AGAIN = 5.0
"""Seconds until one is thought of again that could not be read."""
SHORT = 1.0
"""Seconds until one is thought of again that the budget had nothing left for."""


class Target(Struct, frozen=True):
    """A run that its cluster has taken."""

    rollout: str
    step: int
    cluster: str
    run: str
    action: Action
    began: float
    """When it was armed."""


class _Followed(Struct):
    target: Target
    late: int = 0
    """Refreshes since it outlived its range."""


class RefreshSchedule:
    """By cluster: no two rollouts act on one at once (R6).

    Between two refreshes of one cluster there are always at least GAP seconds, also from one run to
    the next; and never do more go out than the budget has.
    """

    def __init__(self, rate: float) -> None:
        """`rate`: refreshes a second for the whole fleet."""
        self.waiting = 0
        """How many were due the last time, and did not fit into the budget."""
        self._budget = Budget(rate)
        self._duration_stats: DurationsByAction = {}
        self._followed: dict[str, _Followed] = {}
        self._poked: dict[str, float] = {}
        self._due: list[tuple[float, str, str]] = []

    @property
    def next_at(self) -> float | None:
        """When to ask again; None: nobody is followed."""
        return self._due[0][0] if self._due else None

    def follow(self, target: Target) -> None:
        """From now on until it is over; one that is followed already stays as it is."""
        known = self._followed.get(target.cluster)
        if known is None or known.target.run != target.run:
            followed = self._followed[target.cluster] = _Followed(target)
            self._push(self._at(followed), followed)

    def learn(self, duration_stats: DurationsByAction, now: float) -> None:
        """How long actions take here was measured anew: everybody's next refresh follows from
        it."""
        self._duration_stats = duration_stats
        self._due = [_entry(self._at(each), each) for each in self._followed.values()]
        heapify(self._due)
        self._poked = {
            cluster: at
            for cluster, at in self._poked.items()
            if cluster in self._followed or at + GAP > now
        }

    def choose(self, now: float, eligibility: Callable[[Target], Eligibility]) -> list[Target]:
        """Those to be refreshed now, whose run is likeliest to have ended first; of the others,
        who was not refreshed for the longest time."""
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
        self, now: float, eligibility: Callable[[Target], Eligibility]
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
                self._push(now + AGAIN, followed)
            else:
                del self._followed[cluster]
        return found

    def _rank(self, followed: _Followed, now: float) -> tuple[float, float, str]:
        target = followed.target
        last = max(target.began, self._poked.get(target.cluster, target.began))
        within = range_of(target.action, self._duration_stats)
        ended = chance(within, last - target.began, now - target.began)
        return (-ended, last, target.cluster)

    def _note(self, followed: _Followed, now: float) -> None:
        target = followed.target
        self._poked[target.cluster] = now
        if now - target.began >= range_of(target.action, self._duration_stats).high:
            followed.late += 1
        self._push(self._at(followed), followed)

    def _at(self, followed: _Followed) -> float:
        """When its next refresh is due."""
        target = followed.target
        first = target.began + range_of(target.action, self._duration_stats).low
        last = self._poked.get(target.cluster)
        return first if last is None else max(first, last + _pause(followed.late))

    def _push(self, when: float, followed: _Followed) -> None:
        heappush(self._due, _entry(when, followed))


def _entry(when: float, followed: _Followed) -> tuple[float, str, str]:
    return (when, followed.target.cluster, followed.target.run)


def _pause(late: int) -> float:
    return float(min(LONGEST, GAP * 2 ** min(late, 10)))

"""The newest rollout goes on: turns as its leader commits them."""

from collections import deque
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import chain

from msgspec.structs import replace

from ibgu.core.model import Member
from ibgu.db import Changeset
from tests.benchmarks.history.decided import Attempt, Decided, decided, waiting
from tests.benchmarks.history.plan import ACTIONS, LIVE, History, fails

_STEP = len(ACTIONS) - 1
_TAKES = timedelta(minutes=20)
_MAY_TAKE = timedelta(hours=2)


class RunningMembers:
    """Members end, others take their slots in the same turn; a turn later those are armed and
    accepted, and the labels of the former are seen on the hub."""

    def __init__(self, history: History) -> None:
        self._history = history
        self._course = course = history.courses[-1]
        touched = course.touched(_STEP)
        mine = [each for each in range(course.size) if self._number(each) not in _others(history)]
        now = datetime.now(UTC)
        self._in_flight = deque(
            self._started(each, each % course.slots + 1, now - _TAKES)
            for each in mine
            if course.ended(_STEP) <= each < touched
        )
        self._waiting: Iterator[int] = iter([each for each in mine if each >= touched])
        self._came: list[Decided] = []
        self._left: list[Decided] = []

    def turn(self, members: int) -> Changeset:
        """So many of them end; nine events for each, once the first turn is over."""
        at = datetime.now(UTC)
        ending = [self._in_flight.popleft() for _ in range(members)]
        starting = [self._started(self._next(), attempt.slot, at) for _, attempt in ending]
        left = [decided(waits, replace(attempt, ended=at)) for waits, attempt in ending]
        came = [decided(*each) for each in starting]
        told = chain(
            *(each.ends for each in left),
            *(each.starts for each in came),
            *(each.runs for each in self._came),
            *(each.settles for each in self._left),
        )
        self._in_flight.extend(starting)
        self._came, self._left = came, left
        return Changeset(
            decisions=tuple(told),
            taken=tuple(each.started for each in came),
            freed=tuple(each.over for each in left),
            at=at,
        )

    def _next(self) -> int:
        found = next(self._waiting, None)
        if found is None:
            raise RuntimeError(
                f"all {self._course.size} clusters of {self._course.name} have started: measure "
                "fewer changes, or with more clusters"
            )
        return found

    def _started(self, each: int, slot: int, at: datetime) -> tuple[Member, Attempt]:
        course, number = self._course, self._number(each)
        cluster, uid = self._history.cluster(number), self._history.cluster_uid(number)
        waits = waiting(course.uid, _STEP, cluster, uid, each, course.started(_STEP))
        run = course.run(_STEP, each)
        limit = at + _MAY_TAKE
        return waits, Attempt(ACTIONS[_STEP], run, slot, at, limit, limit, fails(each))

    def _number(self, each: int) -> int:
        return (self._course.first + each) % self._history.clusters


def _others(history: History) -> frozenset[int]:
    """Clusters that are in flight in another rollout, which holds them."""
    return frozenset(
        (course.first + each) % history.clusters
        for course in history.courses[-LIVE:-1]
        for each in range(course.ended(_STEP), course.touched(_STEP))
    )

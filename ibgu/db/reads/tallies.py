"""What was counted before: steps that are over never change, rollouts do with their next event, and
large steps that run are counted once a second, however many ask."""

import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime

from msgspec import Struct

from ibgu.core.counts import Counts
from ibgu.core.model import Step, StepState
from ibgu.db.views import StepRow

CAPACITY = 10_000
"""Steps, and rollouts; who was asked for the longest time ago goes first."""
LARGE = 1000
"""Members: below that a step that runs is counted for everybody who asks."""
FRESH_SECONDS = 1.0
STALE_SECONDS = 3.0
"""So old it may be while somebody counts anew: nobody waits for that with a connection in hand."""

StepKey = tuple[str, int]
_Key = tuple[str, int, datetime | None]


class Mark(Struct, frozen=True):
    """The moment that a whole rollout was counted at."""

    newest: tuple[int | None, datetime | None]
    """Number and time of the rollout's newest event; the events of old rollouts go."""
    row: StepRow | None
    """The count of its newest step that it was counted with, if many share that."""


class Tallies:
    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._known: OrderedDict[_Key, Counts] = OrderedDict()
        self._recent: dict[StepKey, tuple[float, StepRow]] = {}
        self._counting: Counter[StepKey] = Counter()
        self._totals: OrderedDict[str, tuple[Mark, Counts]] = OrderedDict()

    @staticmethod
    def shared(step: Step) -> bool:
        return step.state is StepState.RUNNING and step.total >= LARGE

    @contextmanager
    def counting(self, steps: Iterable[Step]) -> Iterator[None]:
        """Who asks meanwhile gets what was counted before, if there is anything."""
        keys = [step.key for step in steps]
        self._counting.update(keys)
        try:
            yield
        finally:
            self._counting -= Counter(keys)

    def recent(self, step: Step) -> StepRow | None:
        """Of the very same step, counted a moment ago."""
        made, row = self._recent.get(step.key, (0.0, None))
        if row is None or row.step != step:
            return None
        good = STALE_SECONDS if step.key in self._counting else FRESH_SECONDS
        return row if self._clock() - made <= good else None

    def remember(self, row: StepRow) -> None:
        """What is too old for everybody goes."""
        now = self._clock()
        for key in [key for key, (made, _) in self._recent.items() if now - made > STALE_SECONDS]:
            del self._recent[key]
        self._recent[row.step.key] = (now, row)

    def get(self, step: Step) -> Counts | None:
        key = _key(step)
        if key not in self._known:
            return None
        self._known.move_to_end(key)
        return self._known[key]

    def total(self, rollout: str, mark: Mark) -> Counts | None:
        """Of the rollout with that uid, if nothing has happened in it since."""
        found = self._totals.get(rollout)
        if found is None:
            return None
        self._totals.move_to_end(rollout)
        made, counts = found
        together = mark.row is not None and made.row is mark.row
        return counts if together or made.newest == mark.newest else None

    def learn_total(self, rollout: str, mark: Mark, counts: Counts) -> None:
        self._totals[rollout] = (mark, counts)
        if len(self._totals) > CAPACITY:
            self._totals.popitem(last=False)

    def learn(self, step: Step, counts: Counts) -> None:
        """Of a step that is over, if all of its members are there."""
        if step.state is not StepState.FINISHED or counts.total != step.total:
            return
        self._known[_key(step)] = counts
        if len(self._known) > CAPACITY:
            self._known.popitem(last=False)


def _key(step: Step) -> _Key:
    """A journal that was restored may see the same step end once more."""
    return (*step.key, step.finished_at)

"""Caches counts: of ended steps, which never change; of rollouts until their next event; of large
running steps for a second, however many callers ask."""

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
"""The most steps, and the most rollouts; the least recently used goes first."""
LARGE = 1000
"""Members; a smaller running step is counted for every caller."""
FRESH_SECONDS = 1.0
STALE_SECONDS = 3.0
"""The oldest that a count may be while a new one is made: nobody waits for that with a connection
in hand."""

StepKey = tuple[str, int]
_Key = tuple[str, int, datetime | None]


class Mark(Struct, frozen=True):
    """Mark is the moment at which a whole rollout was counted."""

    newest: tuple[int | None, datetime | None]
    """Number and time of the rollout's newest event; retention deletes events of old rollouts."""
    row: StepRow | None
    """The shared count of its newest step, if one was used."""


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
        """Marks a count in progress: other callers get the previous one, if any."""
        keys = [step.key for step in steps]
        self._counting.update(keys)
        try:
            yield
        finally:
            self._counting -= Counter(keys)

    def recent(self, step: Step) -> StepRow | None:
        """Returns a recent count of the very same step."""
        made, row = self._recent.get(step.key, (0.0, None))
        if row is None or row.step != step:
            return None
        good = STALE_SECONDS if step.key in self._counting else FRESH_SECONDS
        return row if self._clock() - made <= good else None

    def remember(self, row: StepRow) -> None:
        """Stores a count, and drops expired ones."""
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
        """Returns the count of the rollout, if nothing has happened in it since."""
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
        """Stores the count of a step that is over, if it includes all members."""
        if step.state is not StepState.FINISHED or counts.total != step.total:
            return
        self._known[_key(step)] = counts
        if len(self._known) > CAPACITY:
            self._known.popitem(last=False)


def _key(step: Step) -> _Key:
    """Returns the key, with the step's end: after a restore of the journal the same step may end
    again."""
    return (*step.key, step.finished_at)

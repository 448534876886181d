"""What was counted before: steps that are over never change, and large ones that run are counted
once a second, however many ask."""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable
from datetime import datetime

from ibgu.core.model import Step, StepState
from ibgu.db.views import Counts, StepRow

CAPACITY = 10_000
"""Steps; who was asked for the longest time ago goes first."""
LARGE = 1000
"""Members: below that a step that runs is counted for everybody who asks."""
FRESH_SECONDS = 1.0

_Key = tuple[str, int, datetime | None]


class Tallies:
    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._known: OrderedDict[_Key, Counts] = OrderedDict()
        self._recent: dict[tuple[str, int], tuple[float, StepRow]] = {}
        self.counting = asyncio.Lock()
        """Held by who counts large steps: others wait for what it finds."""

    @staticmethod
    def shared(step: Step) -> bool:
        return step.state is StepState.RUNNING and step.total >= LARGE

    def recent(self, step: Step) -> StepRow | None:
        """Of the very same step, counted a moment ago."""
        made, row = self._recent.get(step.key, (0.0, None))
        if row is None or row.step != step or self._clock() - made > FRESH_SECONDS:
            return None
        return row

    def remember(self, row: StepRow) -> None:
        """If it is shared."""
        if self.shared(row.step):
            self._recent[row.step.key] = (self._clock(), row)
        else:
            self._recent.pop(row.step.key, None)

    def get(self, step: Step) -> Counts | None:
        key = _key(step)
        if key not in self._known:
            return None
        self._known.move_to_end(key)
        return self._known[key]

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

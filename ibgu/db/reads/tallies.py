"""Counts of steps that are over: they do not change any more, so they are counted once."""

from collections import OrderedDict
from datetime import datetime

from ibgu.core.model import Step, StepState
from ibgu.db.views import Counts

CAPACITY = 10_000
"""Steps; who was asked for the longest time ago goes first."""

_Key = tuple[str, int, datetime | None]


class Tallies:
    def __init__(self) -> None:
        self._known: OrderedDict[_Key, Counts] = OrderedDict()

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

"""List scheduling: who waits takes the slot that is free first."""

import heapq
from collections.abc import Iterable


def makespan(slots: int, running: Iterable[float], waiting: Iterable[float]) -> float:
    """When all is over, from now, in whatever unit the durations are in.

    `running` is what each busy slot still needs, `waiting` how long each one takes that has none,
    in the order of starts. Slots that are busy beyond `slots` free nothing.
    """
    busy = sorted(running)
    ends = [*busy[max(0, len(busy) - slots) :]]
    ends += [0.0] * (slots - len(ends))
    last = max(busy, default=0.0)
    heapq.heapify(ends)
    for duration in waiting:
        end = ends[0] + duration
        last = max(last, end)
        heapq.heapreplace(ends, end)
    return last

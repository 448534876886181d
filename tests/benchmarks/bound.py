"""The best that any controller could do: list scheduling of the durations that were observed."""

from collections.abc import Iterable
from heapq import heapify, heapreplace


def list_schedule(durations: Iterable[float], slots: int) -> float:
    """Makespan in seconds when every freed slot takes the next member at once."""
    free = [0.0] * slots
    heapify(free)
    for duration in durations:
        heapreplace(free, free[0] + duration)
    return max(free)


def handovers(starts: Iterable[float], ends: Iterable[float], slots: int) -> list[float]:
    """Seconds from the k-th end in a step to the start that it made room for."""
    later = sorted(starts)[slots:]
    return [start - end for end, start in zip(sorted(ends), later, strict=False)]


def percentile(values: list[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else 0.0

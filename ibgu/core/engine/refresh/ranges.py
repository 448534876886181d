"""The ages at which runs end, and how likely one has ended since its cluster was read."""

from collections.abc import Callable

from ibgu.core.engine.timing.durations import DurationsByAction
from ibgu.core.model import ActionName, traits
from ibgu.core.model.actions import AgeRange

RangeOf = Callable[[ActionName, DurationsByAction], AgeRange]


def range_of(action: ActionName, duration_stats: DurationsByAction) -> AgeRange:
    """Returns the range from p10 to p95 of the durations measured on this hub."""
    stats = duration_stats.get(action)
    if stats is None:
        return traits(action).usual
    # The parts of a spread are the middles of tenths: 5 of 100 are below the first one.
    return AgeRange((stats.spread[0] + stats.spread[1]) / 2, stats.p95)


def any_age(action: ActionName, duration_stats: DurationsByAction) -> AgeRange:
    """Returns the range of a refresh that has nothing to do with a run's end: it may be due at
    once, and a second one follows ever later."""
    return AgeRange(0.0, 0.0)


def chance(within: AgeRange, read: float, age: float) -> float:
    """Returns the probability that a run still going at age `read` has ended by `age`, if it ends
    within the range at any moment with equal likelihood; 0 once it was read beyond the range."""
    if age <= within.low or read >= within.high:
        return 0.0
    if age >= within.high:
        return 1.0
    begin = max(read, within.low)
    return (age - begin) / (within.high - begin)

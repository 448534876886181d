"""At what age runs end, and how likely it is that one has ended since its cluster was read."""

from msgspec import Struct

from ibgu.core.engine.durations import DurationsByAction
from ibgu.core.model import Action


class Range(Struct, frozen=True):
    """Ages of a run, in seconds since its arming, between which most of them end."""

    low: float
    high: float


_MINUTE = 60.0

BUILT_IN: dict[Action, Range] = {
    Action.PREP: Range(4 * _MINUTE, 30 * _MINUTE),
    Action.UPGRADE: Range(8 * _MINUTE, 40 * _MINUTE),
    Action.ROLLBACK: Range(3 * _MINUTE, 20 * _MINUTE),
    Action.ABORT: Range(15.0, 10 * _MINUTE),
    Action.ABORT_ON_FAILURE: Range(15.0, 10 * _MINUTE),
    Action.FINALIZE_UPGRADE: Range(10.0, 5 * _MINUTE),
    Action.FINALIZE_ROLLBACK: Range(10.0, 5 * _MINUTE),
}
"""Wide ranges for hubs on which an action was measured too seldom: a range that begins too late
loses the gain of refreshes, one that begins too early costs some of them."""


def range_of(action: Action, duration_stats: DurationsByAction) -> Range:
    """Returns the range from p10 to p95 of the durations measured on this hub."""
    stats = duration_stats.get(action)
    if stats is None:
        return BUILT_IN[action]
    # The parts of a spread are the middles of tenths: 5 of 100 are below the first one.
    return Range((stats.spread[0] + stats.spread[1]) / 2, stats.p95)


def chance(within: Range, read: float, age: float) -> float:
    """Returns the probability that a run still going at age `read` has ended by `age`, if it ends
    within the range at any moment with equal likelihood; 0 once it was read beyond the range."""
    if age <= within.low or read >= within.high:
        return 0.0
    if age >= within.high:
        return 1.0
    begin = max(read, within.low)
    return (age - begin) / (within.high - begin)

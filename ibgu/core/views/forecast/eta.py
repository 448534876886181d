"""Forecasts when a running step will be over, from how long its actions take on this hub."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from itertools import islice

from msgspec import Struct
from msgspec.structs import replace

from ibgu.core.engine.timing.durations import DurationsByAction, DurationStats
from ibgu.core.engine.timing.rate_limits import UNLIMITED, RateLimits, phrases
from ibgu.core.model import ActionName
from ibgu.core.text.spans import duration
from ibgu.core.views.forecast.schedule import makespan

Estimate = Callable[[DurationStats], float]

_STRIDE = 7
"""A step through the ten parts of a spread that visits each one before any repeats."""


class RemainingActions(Struct, frozen=True):
    left: tuple[ActionName, ...]
    """The current action, and those that follow it in the step."""
    elapsed: float
    """Seconds since the current action was sent to the cluster; 0: not sent yet."""
    overdue: bool = False
    """Whether the member's reason has lasted longer than usual."""


class RemainingWork(Struct, frozen=True):
    """The remaining work of a running step."""

    actions: tuple[ActionName, ...]
    slots: int
    waiting: int
    """Members that start as soon as a slot is free."""
    blocked: int
    """Members that wait for something else."""
    in_flight: Sequence[RemainingActions]
    deadline: datetime
    """The end of the step's clock."""
    rate_limits: RateLimits = UNLIMITED
    ended: int = 0
    """Members that have ended, for a ramp-up."""
    uncounted: str = ""
    """What delays the step for a time that is unknown, as its gate declares; empty: nothing."""


class Eta(Struct, frozen=True):
    at: datetime
    earliest: datetime
    latest: datetime
    basis: str
    stuck: int
    """Members in flight for longer than usual, whose end is unknown. `at` and `earliest` are those
    of the others; if there are none, all three times are `limit`."""
    limit: datetime
    """The end of the step's time, which ends the stuck ones."""


def eta(rest: RemainingWork, now: datetime, duration_stats: DurationsByAction) -> Eta | None:
    """Returns the forecast; None: an action that is left was measured too rarely here, or nothing
    is left to measure."""
    moving = [each for each in rest.in_flight if not _stuck(each, duration_stats)]
    stuck = len(rest.in_flight) - len(moving)
    if stuck and not (moving or rest.waiting or rest.blocked):
        due = max(now, rest.deadline)
        return Eta(due, due, due, _unknown(stuck), stuck, due)
    slots = max(1, rest.slots - stuck)
    return _of_the_others(replace(rest, in_flight=moving, slots=slots), stuck, now, duration_stats)


def _stuck(each: RemainingActions, duration_stats: DurationsByAction) -> bool:
    stats = duration_stats.get(each.left[0])
    return each.overdue or (stats is not None and each.elapsed > stats.limits.ended)


def _of_the_others(
    rest: RemainingWork, stuck: int, now: datetime, duration_stats: DurationsByAction
) -> Eta | None:
    needed = {action for each in rest.in_flight for action in each.left}
    needed |= set(rest.actions) if rest.waiting else set()
    if not needed or not needed <= duration_stats.keys():
        return None
    left = max(0.0, (rest.deadline - now).total_seconds())
    likely = min(left, _likely(rest, duration_stats))
    soon = min(likely, _steady(rest, duration_stats, _half))
    unsure = rest.blocked or rest.uncounted or stuck
    late = left if unsure else min(left, max(likely, _steady(rest, duration_stats, _most)))
    at, earliest, latest = (
        now + timedelta(seconds=round(seconds)) for seconds in (likely, soon, late)
    )
    basis = _basis(rest, needed, duration_stats) + (f"; {_unknown(stuck)}" if stuck else "")
    return Eta(at, earliest, latest, basis, stuck, max(now, rest.deadline))


def _likely(rest: RemainingWork, duration_stats: DurationsByAction) -> float:
    """Returns the seconds left if the members' durations are spread like the measured ones."""
    running = [
        _remaining(
            each, duration_stats, [_part(duration_stats[action], place) for action in each.left]
        )
        for place, each in enumerate(rest.in_flight)
    ]
    waiting = (
        sum(_part(duration_stats[action], place) for action in rest.actions)
        for place in range(rest.waiting)
    )
    return makespan(rest.slots, running, waiting, rest.rate_limits, rest.ended)


def _part(stats: DurationStats, place: int) -> float:
    return stats.spread[place * _STRIDE % len(stats.spread)]


def _remaining(
    each: RemainingActions, duration_stats: DurationsByAction, takes: Sequence[float]
) -> float:
    """Returns the seconds that the member still needs. Past the expected duration, the median of
    the measured ones that were longer counts; past all of them, the usual duration once more."""
    current = takes[0] - each.elapsed
    if current < 0:
        stats = duration_stats[each.left[0]]
        longer = [part for part in stats.spread if part > each.elapsed]
        current = longer[len(longer) // 2] - each.elapsed if longer else stats.p50
    return current + sum(islice(takes, 1, None))


def _steady(rest: RemainingWork, duration_stats: DurationsByAction, take: Estimate) -> float:
    """Returns the seconds left if all members take equally long."""
    running = [
        _remaining(each, duration_stats, [take(duration_stats[action]) for action in each.left])
        for each in rest.in_flight
    ]
    whole = sum(take(duration_stats[action]) for action in rest.actions) if rest.waiting else 0.0
    return makespan(rest.slots, running, [whole] * rest.waiting, rest.rate_limits, rest.ended)


def _half(stats: DurationStats) -> float:
    return stats.p50


def _most(stats: DurationStats) -> float:
    return stats.p95


def _basis(rest: RemainingWork, needed: set[ActionName], duration_stats: DurationsByAction) -> str:
    parts = [
        measured_words(action, duration_stats[action])
        for action in rest.actions
        if action in needed
    ]
    parts.extend(phrases(rest.rate_limits) if rest.waiting else ())
    if rest.uncounted:
        parts.append(f"not counted: {rest.uncounted}")
    if rest.blocked:
        parts.append(f"not counted: {rest.blocked} waiting for something other than a slot")
    return "; ".join(parts)


def _unknown(stuck: int) -> str:
    return f"{stuck} in flight for longer than usual, so their end is unknown"


def measured_words(action: ActionName, stats: DurationStats) -> str:
    half, most = (duration(timedelta(seconds=each)) for each in (stats.p50, stats.p95))
    return f"{action} measured {stats.count} times here: half took {half}, 95 of 100 at most {most}"

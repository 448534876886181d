"""List scheduling: the next waiting member takes the slot that is free first."""

import heapq
from collections.abc import Iterable

from ibgu.core.engine.timing.rate_limits import UNLIMITED, RateLimits


def makespan(
    slots: int,
    running: Iterable[float],
    waiting: Iterable[float],
    rate_limits: RateLimits = UNLIMITED,
    ended: int = 0,
) -> float:
    """Returns the seconds from now until all members have ended.

    `running` is what each busy slot still needs, `waiting` the duration of each member without a
    slot, in the order of starts. Slots that are busy beyond `slots` free nothing. `ended`: members
    that have ended before, for a ramp-up.
    """
    if not rate_limits.none:
        return _rate_limited(slots, sorted(running), waiting, rate_limits, ended)
    busy, starting = sorted(running), list(waiting)
    # A plan may ask for any number of slots, but only this many can be taken.
    slots = max(1, min(slots, len(busy) + len(starting)))
    ends = [*busy[max(0, len(busy) - slots) :]]
    ends += [0.0] * (slots - len(ends))
    last = max(busy, default=0.0)
    heapq.heapify(ends)
    for duration in starting:
        end = ends[0] + duration
        last = max(last, end)
        heapq.heapreplace(ends, end)
    return last


def _rate_limited(
    slots: int, busy: list[float], waiting: Iterable[float], rate_limits: RateLimits, ended: int
) -> float:
    """Returns the seconds under rate limits, as if no cluster had started within the last minute,
    and with half of the jitter for each member."""
    last, now = max(busy, default=0.0), 0.0
    for number, duration in enumerate(waiting):
        now = max(now, rate_limits.opens(number).total_seconds())
        while busy and (busy[0] <= now or len(busy) >= rate_limits.width(slots, ended)):
            now = max(now, heapq.heappop(busy))
            ended += 1
        end = now + rate_limits.jitter.total_seconds() / 2 + duration
        last = max(last, end)
        heapq.heappush(busy, end)
    return last

"""The course of a step as points for a chart."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from msgspec import Struct


class IntervalCounts(Struct, frozen=True):
    """The changes of a step's members between two points; `number` counts intervals from 0."""

    number: int
    started: int = 0
    ended: int = 0
    """Members that had started, and ended."""
    succeeded: int = 0
    failed: int = 0


class Point(Struct, frozen=True, rename="camel"):
    at: datetime
    succeeded: int
    failed: int
    in_flight: int


def curve(
    begin: datetime, interval: timedelta, intervals: int, changes: Iterable[IntervalCounts]
) -> list[Point]:
    """Returns one point for the beginning and one for the end of every interval."""
    by_number: dict[int, list[IntervalCounts]] = {}
    for change in changes:
        by_number.setdefault(change.number, []).append(change)
    points = [Point(begin, 0, 0, 0)]
    for number in range(intervals):
        last = points[-1]
        found = by_number.get(number, [])
        points.append(
            Point(
                begin + interval * (number + 1),
                last.succeeded + sum(change.succeeded for change in found),
                last.failed + sum(change.failed for change in found),
                last.in_flight + sum(change.started - change.ended for change in found),
            )
        )
    return points

"""The load of a rollout over time, over many runs: slots in use, starts, pulls of images."""

from collections.abc import Iterable, Mapping, Sequence
from math import ceil

from msgspec import Struct

from ibgu.core.rehearsal.record import BUCKET
from ibgu.core.rehearsal.run import Run
from ibgu.core.rehearsal.spread import Percentiles, spread

MAX_POINTS = 120
_MINUTE = 60.0


class LoadPoint(Struct, frozen=True):
    """LoadPoint is the load within an interval that begins at a time in seconds."""

    at: float
    slots: Percentiles
    """The slots in use, averaged over the interval."""
    starts: Percentiles
    """The most actions that start within one of its minutes."""
    pulls: Percentiles
    """The most starts within one of its minutes that load the registry."""


def timeline(runs: Sequence[Run]) -> tuple[LoadPoint, ...]:
    """Returns at most MAX_POINTS points at equal distances, to the end of the longest run."""
    longest = max(run.end for run in runs)
    width = BUCKET * max(1, ceil(longest / BUCKET / MAX_POINTS))
    count = max(1, ceil(longest / width))
    slots = [_means(run.record.slot_seconds, width) for run in runs]
    starts = [_peaks(run.record.starts, width) for run in runs]
    pulls = [_peaks(run.record.pulls, width) for run in runs]
    return tuple(
        LoadPoint(place * width, *(_at(each, place) for each in (slots, starts, pulls)))
        for place in range(count)
    )


def _at(runs: Iterable[Mapping[int, float]], place: int) -> Percentiles:
    return spread(each.get(place, 0.0) for each in runs)


def _means(seconds: Mapping[int, float], width: float) -> dict[int, float]:
    found: dict[int, float] = {}
    for bucket, each in seconds.items():
        place = int(bucket * BUCKET // width)
        found[place] = found.get(place, 0.0) + each / width
    return found


def _peaks(by_minute: Mapping[int, int], width: float) -> dict[int, float]:
    found: dict[int, float] = {}
    for minute, each in by_minute.items():
        place = int(minute * _MINUTE // width)
        found[place] = max(found.get(place, 0.0), each)
    return found

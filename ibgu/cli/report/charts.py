"""Calculates where the parts of a report's charts lie. The template draws them as inline SVG, which
needs neither script nor network."""

from collections.abc import Iterable, Iterator
from datetime import datetime

from msgspec import Struct

from ibgu.cli.report.facts import RolloutFacts
from ibgu.cli.report.spread import DurationSpread
from ibgu.client.responses import CountsResponse, PointResponse, StepResponse

WIDTH, HEIGHT = 720, 170
LEFT, RIGHT = 44, 712
_TOP, _BOTTOM = 8, 146
_OUTCOMES = ("succeeded", "failed", "skipped", "cancelled", "running", "waiting")
_BINS = 24


def outcome_bars(counts: CountsResponse) -> Iterator[tuple[str, float, float]]:
    """Yields where the clusters are: the outcome, and where its part of the bar begins, and how
    wide it is."""
    at = 0.0
    for name in _OUTCOMES:
        width = getattr(counts, name) / max(1, counts.total) * WIDTH
        if width:
            yield name, at, width
        at += width


def outcomes_label(counts: CountsResponse) -> str:
    return "Clusters: " + ", ".join(f"{getattr(counts, name)} {name}" for name in _OUTCOMES)


class ProgressChart(Struct, frozen=True):
    """ProgressChart is the clusters that were done, over time: succeeded, failed on top of these,
    and in flight as a line."""

    label: str
    begin: datetime
    end: datetime
    grid: list[tuple[float, int]]
    """The height of each line, and the clusters that it stands for."""
    succeeded: str
    """The path of the area, as SVG has it; so are the others."""
    failed: str
    in_flight: str


def progress_of(found: RolloutFacts, step: StepResponse) -> ProgressChart | None:
    """Returns the chart; None: there is too little to show."""
    points = next((each.points for each in found.timelines if each.step == step.step), ())
    total = step.counts.total
    return _progress(points, total) if len(points) > 1 and total else None


def _progress(points: tuple[PointResponse, ...], total: int) -> ProgressChart:
    begin, end = points[0].at, points[-1].at
    seconds = max(1.0, (end - begin).total_seconds())
    most = max(1, total, *(point.in_flight for point in points))

    def up(count: int) -> float:
        return _BOTTOM - count / most * (_BOTTOM - _TOP)

    def line(counts: Iterable[int]) -> list[str]:
        shares = ((point.at - begin).total_seconds() / seconds for point in points)
        xs = (LEFT + share * (RIGHT - LEFT) for share in shares)
        return [f"{x:.1f},{up(count):.1f}" for x, count in zip(xs, counts, strict=True)]

    ground = line(0 for _ in points)
    succeeded = line(point.succeeded for point in points)
    done = line(point.succeeded + point.failed for point in points)
    return ProgressChart(
        label=f"Clusters done over time: in the end {points[-1].succeeded} succeeded and "
        f"{points[-1].failed} failed of {total}",
        begin=begin,
        end=end,
        grid=[(up(count), count) for count in sorted({0, most // 2, most})],
        succeeded=_area(succeeded, ground),
        failed=_area(done, succeeded),
        in_flight="M" + "L".join(line(point.in_flight for point in points)),
    )


def _area(upper: list[str], lower: list[str]) -> str:
    return f"M{'L'.join([*upper, *reversed(lower)])}Z"


class Histogram(Struct, frozen=True):
    """Histogram is how often durations came, from none at the left to the longest at the right."""

    label: str
    width: int
    bars: list[tuple[int, float]]
    """Where each begins, and how high it is."""


def histogram(took: DurationSpread, label: str) -> Histogram:
    bins = took.bins(_BINS)
    most = max(bins)
    bars = [(place * 5, count / most * 21) for place, count in enumerate(bins) if count]
    return Histogram(label, len(bins) * 5, bars)

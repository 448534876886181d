"""Draws charts as inline SVG, which needs neither script nor network."""

from collections.abc import Callable, Sequence
from datetime import datetime

from ibgu.cli.report.elements import Markup, element
from ibgu.cli.report.words import moment
from ibgu.client.responses import CountsResponse, PointResponse

_WIDTH, _HEIGHT = 720, 170
_LEFT, _RIGHT, _TOP, _BOTTOM = 44, 8, 8, 24
_BAR = 14
_OUTCOMES = ("succeeded", "failed", "skipped", "cancelled", "running", "waiting")


def outcome_bar(counts: CountsResponse) -> Markup:
    """Returns one bar, divided by where the clusters are."""
    at = 0.0
    parts = []
    for name in _OUTCOMES:
        width = getattr(counts, name) / max(1, counts.total) * _WIDTH
        if width:
            parts.append(
                element("rect", x=f"{at:.2f}", width=f"{width:.2f}", height=_BAR, class_=name)
            )
        at += width
    label = ", ".join(f"{getattr(counts, name)} {name}" for name in _OUTCOMES)
    return _svg(f"Clusters: {label}", _WIDTH, _BAR, *parts, class_="bar", stretched=True)


def progress_chart(points: Sequence[PointResponse], total: int) -> Markup:
    """Returns the clusters that were done, over time: succeeded, failed on top of these, and in
    flight as a line."""
    begin, end = points[0].at, points[-1].at
    span = max(1.0, (end - begin).total_seconds())
    most = max(1, total, *(point.in_flight for point in points))

    def x(at: datetime) -> float:
        return _across((at - begin).total_seconds() / span)

    def y(count: int) -> float:
        return _up(count / most)

    return _svg(
        f"Clusters done over time: in the end {points[-1].succeeded} succeeded and "
        f"{points[-1].failed} failed of {total}",
        _WIDTH,
        _HEIGHT,
        *_grid(most, y),
        _area(points, x, lambda point: y(point.succeeded), lambda point: y(0), "succeeded"),
        _area(
            points,
            x,
            lambda point: y(point.succeeded + point.failed),
            lambda point: y(point.succeeded),
            "failed",
        ),
        element(
            "path",
            d="M" + "L".join(f"{x(point.at):.1f},{y(point.in_flight):.1f}" for point in points),
            class_="flight",
        ),
        *_times(begin, end),
        class_="chart",
    )


def histogram(bins: Sequence[int], label: str) -> Markup:
    """Returns how often durations came, from none at the left to the longest at the right."""
    most = max(1, *bins)
    return _svg(
        label,
        len(bins) * 5,
        22,
        *(
            element(
                "rect",
                x=place * 5,
                y=f"{22 - count / most * 21:.1f}",
                width=4,
                height=f"{count / most * 21:.1f}",
                class_="took",
            )
            for place, count in enumerate(bins)
            if count
        ),
        class_="histogram",
    )


def _across(share: float) -> float:
    return _LEFT + share * (_WIDTH - _LEFT - _RIGHT)


def _up(share: float) -> float:
    return _HEIGHT - _BOTTOM - share * (_HEIGHT - _TOP - _BOTTOM)


def _times(begin: datetime, end: datetime) -> tuple[Markup, Markup]:
    return (
        _label(_LEFT, _HEIGHT - 7, moment(begin), "start"),
        _label(_WIDTH - _RIGHT, _HEIGHT - 7, moment(end), "end"),
    )


def _grid(most: int, y: Callable[[int], float]) -> list[Markup]:
    found = []
    for count in sorted({0, most // 2, most}):
        at = f"{y(count):.1f}"
        found.append(element("line", x1=_LEFT, x2=_WIDTH - _RIGHT, y1=at, y2=at, class_="grid"))
        found.append(_label(_LEFT - 6, y(count) + 4, f"{count:,}", "end"))
    return found


def _area(
    points: Sequence[PointResponse],
    x: Callable[[datetime], float],
    upper: Callable[[PointResponse], float],
    lower: Callable[[PointResponse], float],
    name: str,
) -> Markup:
    there = [f"{x(point.at):.1f},{upper(point):.1f}" for point in points]
    back = [f"{x(point.at):.1f},{lower(point):.1f}" for point in reversed(points)]
    return element("path", d=f"M{'L'.join([*there, *back])}Z", class_=name)


def _label(x: float, y: float, text: str, anchor: str) -> Markup:
    return element("text", text, x=f"{x:.1f}", y=f"{y:.1f}", text_anchor=anchor)


def _svg(
    label: str, width: int, height: int, *parts: str, class_: str, stretched: bool = False
) -> Markup:
    return element(
        "svg",
        *parts,
        viewBox=f"0 0 {width} {height}",
        role="img",
        aria_label=label,
        class_=class_,
        preserveAspectRatio="none" if stretched else None,
    )

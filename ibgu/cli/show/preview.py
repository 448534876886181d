"""`ibgu preview`: whom a plan takes, in which waves, is the time enough, when does it end."""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

from ibgu.cli.show import symbols
from ibgu.cli.show.output_style import OutputStyle
from ibgu.cli.show.times import clock, duration
from ibgu.client.responses import (
    EndsResponse,
    ExcludedResponse,
    PreviewResponse,
    StepPreviewResponse,
)
from ibgu.core.text.counted import counted

_NAMED = 3
_NOBODY = "no clusters, if all earlier actions succeed"
_NOBODY_AT_ALL = "no clusters"
_ALL_BEGUN = "every step of the plan has begun; to preview a further one, use --append"


def preview_lines(found: PreviewResponse, style: OutputStyle, now: datetime) -> list[str]:
    begun = [] if found.steps or found.problems else [_ALL_BEGUN]
    return [*begun, *plan_lines(found, style, now), "nothing was changed"]


def plan_lines(found: PreviewResponse, style: OutputStyle, now: datetime) -> Iterator[str]:
    for problem in found.problems:
        yield from _said(symbols.FAILED, problem, "red", style)
    if found.steps:
        yield _selects(found, style)
    yield from _groups("leaves out", found.excluded, style)
    width = max((len("+".join(step.actions)) for step in found.steps), default=0)
    for step in found.steps:
        yield from _step(found, step, width, style)
    for error in found.errors:
        yield from _said(symbols.FAILED, error, "red", style)
    for warning in found.warnings:
        yield from _said(symbols.WARNING, warning, "yellow", style)
    if found.ends is not None:
        yield from _ends(found.ends, style, now)


def _ends(ends: EndsResponse, style: OutputStyle, now: datetime) -> Iterator[str]:
    words = []
    if ends.likely and ends.slow:
        words.append(f"likely {clock(ends.likely, now)} to {clock(ends.slow, now)}")
    if ends.latest:
        words.append(f"at latest {clock(ends.latest, now)}")
    yield f"ends      {', '.join(words) or 'at a time that is not known'}"
    if ends.basis:
        rests = "rests on" if ends.likely else "would rest on"
        yield from style.under("  ", f"{rests}: {'; '.join(ends.basis)}")
    yield from _groups("does not reach", ends.unreached, style)


def _groups(words: str, groups: Iterable[ExcludedResponse], style: OutputStyle) -> Iterator[str]:
    for each in groups:
        more = ", …" if each.count > _NAMED else ""
        names = f"{', '.join(each.clusters[:_NAMED])}{more}"
        yield from style.under("  ", f"{words} {each.count}: {each.why} ({names})")


def _said(symbol: str, words: str, colour: str, style: OutputStyle) -> Iterator[str]:
    for line in style.under(f"{symbol} ", words):
        yield style.paint(line, colour)


def _selects(found: PreviewResponse, style: OutputStyle) -> str:
    if not found.selected:
        words = "selects no cluster: nothing to do"
        return style.paint(f"{symbols.WARNING} {words}", "yellow", bold=True)
    return f"selects {counted(found.selected, 'cluster')}"


def _step(
    found: PreviewResponse, step: StepPreviewResponse, width: int, style: OutputStyle
) -> Iterator[str]:
    name = f"step {step.step} {'+'.join(step.actions):<{width}}"
    if not step.clusters:
        yield f"{name}  {_NOBODY if found.selected else _NOBODY_AT_ALL}"
        return
    each = f"1 to {step.slots}" if step.ramp_up else str(step.slots)
    waves = counted(step.waves, "wave", f"waves of {each}")
    clusters = counted(step.clusters, "cluster")
    words = f"{clusters} in {waves} · {step.allowed_minutes_per_site:g} min a site"
    yield f"{name}  {words} · {_measured(step, style)}"
    if rate_limited := ", ".join(_limits(step)):
        yield f"       rate limits: {rate_limited}"
    if step.advice:
        yield from _said("       →", step.advice, "yellow", style)


def _limits(step: StepPreviewResponse) -> Iterator[str]:
    if step.starts_per_minute:
        yield f"at most {step.starts_per_minute} starts a minute"
    if step.ramp_up:
        yield "ramp-up 1, 2, 4, …"
    if step.jitter_seconds:
        yield f"each put off by up to {duration(timedelta(seconds=step.jitter_seconds))}"


def _measured(step: StepPreviewResponse, style: OutputStyle) -> str:
    if step.measured is None:
        return "not measured here yet"
    p50, p95 = (timedelta(seconds=each) for each in (step.measured.p50, step.measured.p95))
    words = f"takes {duration(p50)} (p50), {duration(p95)} (p95) here"
    if step.enough:
        return style.paint(f"{symbols.SUCCEEDED} {words}", "green")
    return style.paint(f"{symbols.FAILED} {words}", "red")

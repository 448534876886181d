"""`ibgu preflight NAME --recorded`: what was found before each step, and what came of it."""

from collections.abc import Iterator

from ibgu.cli.show.output_style import OutputStyle
from ibgu.client.responses import (
    RecalledFailureResponse,
    RecordedFindingResponse,
    StepPreflightResponse,
    StepPreflightsResponse,
)
from ibgu.core.text.counted import counted
from ibgu.core.text.harmless import one_line
from ibgu.core.text.spans import utc

_COLOURS = {"error": "red", "warning": "yellow"}
_NAMED = 5


def recorded_lines(
    found: StepPreflightsResponse, style: OutputStyle, *, wide: bool
) -> Iterator[str]:
    """Yields the lines of each step; `wide`: with up to ten clusters of each finding."""
    if not found.items:
        yield style.paint("preflight has evaluated no step of this rollout", "yellow")
    for step in found.items:
        title = f"step {step.step}: {' '.join(step.actions)}, checked at {utc(step.at)}"
        yield style.paint(title, bold=True)
        for each in step.findings:
            yield f"  {_finding(each, style, wide=wide)}"
        yield f"  {_unknown(step)}"
        yield from (f"  {line}" for line in _outcome(step, style))


def _finding(found: RecordedFindingResponse, style: OutputStyle, *, wide: bool) -> str:
    level = style.paint(f"{found.rule} {found.severity}", _COLOURS[found.severity])
    if not found.count:
        return f"{level} the plan: {one_line(found.message)}"
    shown = found.clusters if wide else found.clusters[:_NAMED]
    more = ", …" if len(shown) < found.count else ""
    clusters = counted(found.count, "cluster")
    return f"{level} {clusters}: {one_line(found.message)} ({', '.join(shown)}{more})"


def _unknown(step: StepPreflightResponse) -> str:
    if not step.unknown:
        return "all rules could be checked"
    return f"{counted(len(step.unknown), 'rule')} could not be checked: {', '.join(step.unknown)}"


def _outcome(step: StepPreflightResponse, style: OutputStyle) -> Iterator[str]:
    """Yields which of the step's failures preflight had found."""
    if step.failed:
        parts = (
            f"found before {step.found}",
            f"not checked {step.not_checked}",
            f"missed {step.missed}",
        )
        clusters = counted(step.failed, "cluster")
        yield f"{clusters} failed in a way that rules look for: {', '.join(parts)}"
    if step.unforeseeable:
        yield f"{counted(step.unforeseeable, 'cluster')} failed in a way that no rule looks for"
    if step.succeeded_in_spite:
        yield style.paint(
            f"{counted(step.succeeded_in_spite, 'cluster')} with an error succeeded all the same",
            "yellow",
        )
    for each in step.failures:
        yield f"  {_failure(each)}"


def _failure(each: RecalledFailureResponse) -> str:
    what = " ".join(filter(None, (each.action, each.failure or "unknown failure")))
    if not each.rules:
        return f"{what}: {counted(each.count, 'cluster')}"
    parts = (
        (each.found, "found before"),
        (each.not_checked, "not checked"),
        (each.missed, "missed"),
    )
    counts = ", ".join(f"{words} {number}" for number, words in parts if number)
    return f"{what}: {counted(each.count, 'cluster')}, {counts} ({', '.join(each.rules)})"

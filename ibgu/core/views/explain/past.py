"""A member's history: every attempt, and what was reached without one."""

from collections.abc import Iterator, Sequence

from ibgu.core.model import Run, RunResult
from ibgu.core.text.spans import duration
from ibgu.core.views.explain.case import Line, PastStep

_RESULTS = {RunResult.LIMIT: "past its limit"}


def history(past: Sequence[PastStep]) -> list[Line]:
    """Returns the lines, oldest first."""
    lines = [line for each in past for line in _step(each)]
    return sorted(lines, key=lambda line: line.at)


def _step(past: PastStep) -> Iterator[Line]:
    for run in past.runs:
        yield from _run(run)
    for done in past.member.completed:
        if done.note:
            yield Line(done.at, f"{done.action} {done.note}")


def _run(run: Run) -> Iterator[Line]:
    began = run.arming_at or run.intended_at
    again = f" again ({run.attempt})" if run.attempt > 1 else ""
    yield Line(began, f"{run.action} started{again}")
    if run.ended_at and run.result:
        result = _RESULTS.get(run.result, run.result)
        yield Line(run.ended_at, f"{run.action} {result} ({duration(run.ended_at - began)})")

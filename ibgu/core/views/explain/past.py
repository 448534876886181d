"""A member's history: every attempt, and what was reached without one."""

from collections import Counter
from collections.abc import Iterator, Sequence

from ibgu.core.model import ActionName, Run, RunResult
from ibgu.core.text.spans import duration
from ibgu.core.views.explain.case import Line, PastStep

_RESULTS = {RunResult.LIMIT: "past its limit"}


def history(past: Sequence[PastStep]) -> list[Line]:
    """Returns the lines, oldest first."""
    lines = [line for each in past for line in _step(each)]
    return sorted(lines, key=lambda line: line.at)


def _step(past: PastStep) -> Iterator[Line]:
    begun: Counter[ActionName] = Counter()
    for run in past.runs:
        begun[run.action] += 1
        yield from _run(run, begun[run.action])
    for done in past.member.completed:
        if done.note:
            yield Line(done.at, f"{done.action} {done.note}")


def _run(run: Run, number: int) -> Iterator[Line]:
    """Returns the lines of a run, the action's so many-th in the step."""
    began = run.arming_at or run.intended_at
    again = f" again ({number})" if number > 1 else ""
    yield Line(began, f"{run.action} started{again}")
    if run.ended_at and run.result:
        result = _RESULTS.get(run.result, run.result)
        yield Line(run.ended_at, f"{run.action} {result} ({duration(run.ended_at - began)})")

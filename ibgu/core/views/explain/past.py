"""A member's history: every attempt, and what was reached without one."""

from collections import Counter
from collections.abc import Iterator, Sequence

from ibgu.core.model import ActionName, Run, RunResult, traits
from ibgu.core.text.spans import duration
from ibgu.core.views.explain.case import Line, PastStep

_RESULTS = {RunResult.LIMIT: "past its limit"}


def history(past: Sequence[PastStep]) -> list[Line]:
    """Returns the lines, oldest first."""
    lines = [line for each in past for line in _step(each)]
    return sorted(lines, key=lambda line: line.at)


def _step(past: PastStep) -> Iterator[Line]:
    for run, number, goes_on in numbered(past.runs):
        yield from _run(run, number, goes_on=goes_on)
    for done in past.member.completed:
        if done.note:
            yield Line(done.at, f"{done.action} {done.note}")


def attempt_of(run: Run, past: Sequence[PastStep]) -> int:
    """Returns the number of the action's attempt in its step, of which the run is one or a part."""
    known = (found for step in past for found in numbered(step.runs))
    return next((number for each, number, _ in known if each.id == run.id), run.attempt)


def numbered(runs: Sequence[Run]) -> Iterator[tuple[Run, int, bool]]:
    """Yields each run with the number of the action's attempt, and whether the run goes on with
    what the one before has begun: an Update that pauses something takes two."""
    begun: Counter[ActionName] = Counter()
    last: dict[ActionName, Run] = {}
    for run in runs:
        continued = run.action in last and last[run.action].result is RunResult.CONTINUED
        goes_on = continued and not traits(run.action).part_of
        begun[run.action] += not goes_on
        last[run.action] = run
        yield run, begun[run.action], goes_on


def _run(run: Run, number: int, *, goes_on: bool) -> Iterator[Line]:
    """Yields the lines of a run, a part of the action's so many-th attempt in the step."""
    began = run.arming_at or run.intended_at
    again = f"started again ({number})" if number > 1 else "started"
    yield Line(began, f"{run.action} {'goes on' if goes_on else again}")
    if run.ended_at and run.result:
        result = _RESULTS.get(run.result, run.result)
        if run.result is RunResult.CONTINUED and run.message:
            result = f"has {run.message}"
        yield Line(run.ended_at, f"{run.action} {result} ({duration(run.ended_at - began)})")

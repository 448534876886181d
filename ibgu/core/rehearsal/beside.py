"""A rehearsal beside what really came: step by step, and the clusters done over time."""

from bisect import bisect_right
from collections.abc import Sequence

from msgspec import Struct

from ibgu.core.model import ActionName
from ibgu.core.rehearsal.run import Rehearsal, Run
from ibgu.core.rehearsal.spread import Percentiles, spread

CURVE_POINTS = 100


class RealStep(Struct, frozen=True):
    """RealStep is how a step went; times are in seconds from the start of the first one."""

    began: float
    ended: float | None
    """None: it has not ended."""
    succeeded: int
    failed: int
    ends: Sequence[float]
    """The ends of its members."""


class StepBeside(Struct, frozen=True):
    """StepBeside is one step as it was rehearsed, and as it came. Rehearsed counts are means;
    clusters that never start have failed."""

    actions: tuple[ActionName, ...]
    begins: Percentiles | None
    """None: the step begins in no run."""
    ends: Percentiles | None
    began: float | None
    """None: the real step has not begun."""
    ended: float | None
    within: bool | None
    """Whether the real end is between p5 and p95; None: one of the two is missing."""
    succeeds: float
    fails: float
    succeeded: int
    failed: int


class CurvePoint(Struct, frozen=True):
    """CurvePoint counts the members of all steps that are done by a time."""

    at: float
    rehearsed: Percentiles
    real: int | None
    """None: that time has not come yet."""


class Beside(Struct, frozen=True):
    """Beside is a rehearsal from the start of a rollout beside its real course."""

    steps: tuple[StepBeside, ...]
    ends: Percentiles
    ended: float | None
    within: bool | None
    curve: tuple[CurvePoint, ...]


def beside(
    rehearsal: Rehearsal, runs: Sequence[Run], real: Sequence[RealStep], now: float
) -> Beside:
    """Compares; `runs` has at least one, `real` has the steps that have begun."""
    planned = rehearsal.plan.steps
    steps = tuple(
        _step(each.actions, place, runs, real[place] if place < len(real) else None)
        for place, each in enumerate(planned)
    )
    ends = spread(run.end for run in runs)
    whole = len(real) == len(planned) and bool(real)
    ended = real[-1].ended if whole else None
    return Beside(steps, ends, ended, _within(ends, ended), _curve(runs, real, ended, now))


def _step(
    actions: tuple[ActionName, ...], place: int, runs: Sequence[Run], real: RealStep | None
) -> StepBeside:
    begun = [run for run in runs if place < len(run.steps)]
    ends = spread(run.steps[place].at for run in begun) if begun else None
    begins = [run.steps[place - 1].at if place else 0.0 for run in begun]
    ended = real.ended if real else None
    count = max(1, len(begun))
    return StepBeside(
        actions=actions,
        begins=spread(begins) if begins else None,
        ends=ends,
        began=real.began if real else None,
        ended=ended,
        within=_within(ends, ended),
        succeeds=sum(run.steps[place].succeeded for run in begun) / count,
        fails=sum(run.steps[place].failed + run.steps[place].never_started for run in begun)
        / count,
        succeeded=real.succeeded if real else 0,
        failed=real.failed if real else 0,
    )


def _within(band: Percentiles | None, at: float | None) -> bool | None:
    return None if band is None or at is None else band.p5 <= at <= band.p95


def _curve(
    runs: Sequence[Run], real: Sequence[RealStep], ended: float | None, now: float
) -> tuple[CurvePoint, ...]:
    done = [sorted(end for step in run.steps for end in step.ended.values()) for run in runs]
    came = sorted(end for step in real for end in step.ends)
    last = max(1.0, now if ended is None else ended, *(run.end for run in runs))
    points = (last * place / CURVE_POINTS for place in range(CURVE_POINTS + 1))
    return tuple(
        CurvePoint(
            at,
            spread(bisect_right(each, at) for each in done),
            bisect_right(came, at) if at <= now else None,
        )
        for at in points
    )

"""`ibgu rehearse NAME --beside`: a rollout as it was to be expected, beside what came."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from msgspec import Struct
from msgspec.structs import replace

from ibgu.cli.report.holds import RecordedHold, holds
from ibgu.cli.show.output_style import OutputStyle
from ibgu.cli.show.times import clock, with_zone
from ibgu.client import RestError
from ibgu.client.responses import ActivityEntryResponse, MemberResponse, ViewResponse
from ibgu.core.model import ClusterView, Kind, traits
from ibgu.core.rehearsal.beside import Beside, RealStep, StepBeside
from ibgu.core.rehearsal.model import BegunStep, MemberNow, RehearsedPlan
from ibgu.core.rehearsal.spread import Percentiles
from ibgu.core.text.harmless import one_line
from ibgu.core.text.spans import duration


class Course(Struct, frozen=True):
    """Course is a rollout from its start until now, as ibgu's journal has it."""

    begin: datetime
    now: float
    """Seconds from the beginning."""
    real: tuple[RealStep, ...]
    first: tuple[str, ...]
    """The clusters of the first step."""
    holds: tuple[RecordedHold, ...]
    assumed: tuple[str, ...]
    """What the rehearsal takes for granted, as sentences."""


class CourseBody(Struct, frozen=True):
    """CourseBody is what programs read; times in seconds from `begin`."""

    begin: datetime
    beside: Beside
    holds: tuple[RecordedHold, ...]
    assumed: tuple[str, ...]


def course(
    view: ViewResponse,
    members: Sequence[MemberResponse],
    activity: Sequence[ActivityEntryResponse],
    *,
    policies_given: bool,
) -> Course:
    """Returns the course. Raises RestError if no step has begun."""
    begun = [step for step in view.steps if step.started_at is not None]
    begin = begun[0].started_at if begun else None
    if begin is None:
        raise RestError(f"{view.rollout.name} has not begun, so there is nothing to compare with")
    real = []
    for step in begun:
        ends = [_at(each.ended_at, begin) for each in members if each.step == step.step]
        real.append(
            RealStep(
                _at(step.started_at, begin) or 0.0,
                _at(step.finished_at, begin),
                step.counts.succeeded,
                step.counts.failed,
                [each for each in ends if each is not None],
            )
        )
    return Course(
        begin,
        _at(view.now, begin) or 0.0,
        tuple(real),
        tuple(each.cluster for each in members if each.step == begun[0].step),
        tuple(holds(activity)),
        tuple(_assumed(activity, begin, given=policies_given)),
    )


def _at(moment: datetime | None, begin: datetime) -> float | None:
    return None if moment is None else (moment - begin).total_seconds()


def _assumed(
    activity: Sequence[ActivityEntryResponse], begin: datetime, *, given: bool
) -> Iterator[str]:
    if not given:
        yield "the policies are those of now, also for the time before"
    yield "actions take as long as measured until now, this rollout included"
    yield "at the start the clusters had the labels of now, without those of ibgu's actions"
    if any(each.kind == Kind.PLAN_ACCEPTED and each.at > begin for each in activity):
        yield "the whole plan was there at the start; in truth it was changed later"
    if not any(each.kind == Kind.ROLLOUT_SEEN for each in activity):
        yield "nothing held the rollout but what is shown: the oldest activity is missing"


def from_the_start(plan: RehearsedPlan, found: Course) -> RehearsedPlan:
    """Returns the whole rollout as a plan that begins with its first step, with its members."""
    prefix = traits(plan.steps[0].actions[0]).label_prefix
    first = BegunStep(0.0, [MemberNow(name) for name in found.first])
    known = {each.name for each in plan.clusters}
    clusters = [_unmarked(each, prefix) for each in plan.clusters]
    clusters += [
        ClusterView(name=name, uid="", accepted=True, deleting=False, reachable=True, local=False)
        for name in found.first
        if name not in known
    ]
    return replace(plan, clusters=clusters, begun=(first,))


def _unmarked(cluster: ClusterView, prefix: str) -> ClusterView:
    labels = {key: each for key, each in cluster.labels.items() if not key.startswith(prefix)}
    return replace(cluster, labels=labels)


def course_lines(found: Course, beside: Beside, runs: int, style: OutputStyle) -> Iterator[str]:
    begin = found.begin
    yield f"rehearsed {runs} times from the start, {with_zone(begin)}, beside what came"
    yield f"ends      {_band(beside.ends, begin)}; {outcome(beside.ends, beside.ended, begin)}"
    for number, step in enumerate(beside.steps, 1):
        yield from _step(number, step, begin)
    for hold in found.holds:
        until = clock(hold.until, begin) if hold.until else "now"
        words = f"held from {clock(hold.since, begin)} to {until}: {one_line(hold.message)}"
        yield style.paint(words, "yellow")
    for words in found.assumed:
        yield f"assumed: {words}"


def _step(number: int, step: StepBeside, begin: datetime) -> Iterator[str]:
    name = f"step {number} {'+'.join(step.actions)}"
    if step.begins is None or step.ends is None:
        yield f"{name}: begins in no run"
    else:
        yield f"{name}: begins {_band(step.begins, begin)}; {_began(step.began, begin)}"
        yield f"  ends {_band(step.ends, begin)}; {outcome(step.ends, step.ended, begin)}"
    yield (
        f"  {step.succeeds:.0f} succeed, {step.fails:.0f} fail; {step.succeeded} succeeded, "
        f"{step.failed} failed"
    )


def outcome(band: Percentiles | None, ended: float | None, begin: datetime) -> str:
    """Returns when it really ended, and whether that was to be expected."""
    if ended is None:
        return "it has not ended"
    at = clock(begin + timedelta(seconds=ended), begin)
    if band is None or band.p5 <= ended <= band.p95:
        return f"it ended {at}" + (", within that" if band else "")
    gap, word = (ended - band.p95, "later") if ended > band.p95 else (band.p5 - ended, "earlier")
    return f"it ended {at}, {duration(timedelta(seconds=gap))} {word} than that"


def _began(began: float | None, begin: datetime) -> str:
    if began is None:
        return "it has not begun"
    return f"it began {clock(begin + timedelta(seconds=began), begin)}"


def _band(spread: Percentiles, begin: datetime) -> str:
    low, middle, high = (
        clock(begin + timedelta(seconds=each), begin)
        for each in (spread.p5, spread.p50, spread.p95)
    )
    return f"likely {middle}, nine of ten times from {low} to {high}"

"""Compares TALM's rollout with ibgu's would-be one: who knew what when, and who waited for whom.

All of it follows from observations. The sliding window is an estimate: the same clusters with the
same durations, in ibgu's order, without batches.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from heapq import heapify, heapreplace

from msgspec import Struct

from ibgu.core.assurance.shadow.records import (
    ShadowOutcome,
    ShadowRollout,
    ShadowRun,
    ShadowStep,
    ShadowVerdict,
)
from ibgu.core.drivers.ibu.failures import explain
from ibgu.core.model import ActionName, Cause
from ibgu.core.text.natural import natural_key

NAMED = 10
"""The most clusters of a group that are named."""
_NO_TIME = timedelta()
_LOOK = (
    "TALM's feedback does not bring the cluster's own words (ibgu's does); on the cluster: "
    'oc get ibu upgrade -o jsonpath=\'{range .status.conditions[*]}{.type}{": "}{.message}'
    '{"\\n"}{end}\''
)


class Row(Struct, frozen=True):
    """One action of one cluster, as TALM and as ibgu see it."""

    run: ShadowRun
    ahead: timedelta | None
    """How much earlier ibgu would have reported a failure than TALM did (or has not until now)."""
    idle: timedelta | None
    """How long the cluster's place stood empty until TALM's batch was over."""

    @property
    def differ(self) -> bool:
        """Whether both have an opinion, and not the same one."""
        talm, ibgu = self.run.talm, self.run.ibgu
        return bool(talm and ibgu and talm.verdict is not ibgu.verdict)


class ShadowFailureGroup(Struct, frozen=True):
    """Failures of one kind that ibgu would have reported."""

    step: int
    action: ActionName
    cause: Cause | None
    failure: str
    """The known failure's name; empty: not a known one."""
    means: str
    remedy: str
    message: str
    count: int
    clusters: tuple[str, ...]
    ahead: timedelta
    """The sum over all of them."""


class SlowBatch(Struct, frozen=True):
    """A batch whose places stood empty while its slowest cluster was at work."""

    batch: int
    slowest: str
    waited: timedelta
    """The time from the first finished cluster to the end of the batch."""
    idle: timedelta
    """The sum over all places."""


class StepReport(Struct, frozen=True):
    step: ShadowStep
    took: timedelta | None
    """The time from TALM's start to TALM's end; None: it is not over."""
    sliding: timedelta | None
    """The time of the same clusters in a sliding window; None: not all of them were seen to end."""
    idle: timedelta
    slow: tuple[SlowBatch, ...]

    @property
    def saved(self) -> timedelta:
        if self.took is None or self.sliding is None:
            return _NO_TIME
        return max(_NO_TIME, self.took - self.sliding)


class ShadowPolicyGroup(Struct, frozen=True):
    """ShadowPolicyGroup are the starts of TALM's that one policy would have held."""

    gate: str
    """The policy's gate, such as RolloutPolicy/ran-nights, or that of holds by annotation."""
    count: int
    clusters: tuple[str, ...]
    """The first of them, each once."""
    message: str
    """Why the first of these starts would have been held."""


class Report(Struct, frozen=True):
    rollout: ShadowRollout
    steps: tuple[StepReport, ...]
    rows: tuple[Row, ...]
    failures: tuple[ShadowFailureGroup, ...]
    ahead: timedelta
    """The total by which ibgu would have reported failures earlier."""
    saved: timedelta
    """The time that the sliding window saves in the whole rollout."""
    policies: tuple[ShadowPolicyGroup, ...] = ()
    """What policies would have held, the one that would have held most first."""


def compare(
    rollout: ShadowRollout, steps: Iterable[ShadowStep], runs: Iterable[ShadowRun], now: datetime
) -> Report:
    ordered = sorted(runs, key=lambda run: (run.step, natural_key(run.cluster), run.since))
    last = {(run.step, run.cluster): run for run in ordered}
    rows = tuple(_row(run, last[run.step, run.cluster] is run, now) for run in ordered)
    reports = tuple(_step(step, [r for r in rows if r.run.step == step.index]) for step in steps)
    return Report(
        rollout=rollout,
        steps=reports,
        rows=rows,
        failures=tuple(_groups(rows)),
        ahead=_sum(row.ahead for row in rows),
        saved=_sum(step.saved for step in reports),
        policies=tuple(_held(rows)),
    )


def _row(run: ShadowRun, last: bool, now: datetime) -> Row:
    ahead = idle = None
    if run.ibgu is not None and run.ibgu.verdict is ShadowVerdict.FAILED:
        ahead = max(_NO_TIME, (run.talm.at if run.talm else now) - run.ibgu.at)
    ended = _end(run)
    if last and ended is not None and run.freed_at is not None:
        idle = max(_NO_TIME, run.freed_at - ended)
    return Row(run, ahead, idle)


def _end(run: ShadowRun) -> datetime | None:
    """Returns when the action ended, by the earliest report."""
    ends = [each.at for each in (run.ibgu, run.talm) if each is not None]
    return min(ends, default=None)


def _sum(parts: Iterable[timedelta | None]) -> timedelta:
    return sum((part for part in parts if part is not None), _NO_TIME)


# -- failures ----------------------------------------------------------------------------------


def _groups(rows: Iterable[Row]) -> list[ShadowFailureGroup]:
    """Returns the groups, the largest first."""
    found: dict[tuple[object, ...], list[Row]] = {}
    for row in rows:
        outcome = row.run.ibgu
        if outcome is not None and outcome.verdict is ShadowVerdict.FAILED:
            known = explain(row.run.action, outcome.message)
            key = (row.run.step, row.run.action, outcome.cause, known and known.name)
            found.setdefault(key, []).append(row)
    return sorted(map(_group, found.values()), key=lambda group: (-group.count, group.step))


def _group(rows: Sequence[Row]) -> ShadowFailureGroup:
    run = rows[0].run
    outcome = run.ibgu
    assert outcome is not None
    known = explain(run.action, outcome.message)
    return ShadowFailureGroup(
        step=run.step,
        action=run.action,
        cause=outcome.cause,
        failure=known.name if known else "",
        means=known.means if known else "",
        remedy=remedy_of(run, outcome),
        message=outcome.message,
        count=len(rows),
        clusters=tuple(row.run.cluster for row in rows[:NAMED]),
        ahead=_sum(row.ahead for row in rows),
    )


def remedy_of(run: ShadowRun, outcome: ShadowOutcome) -> str:
    known = explain(run.action, outcome.message)
    return known.remedy if known else _LOOK


# -- policies ----------------------------------------------------------------------------------


def _held(rows: Iterable[Row]) -> list[ShadowPolicyGroup]:
    found: dict[str, list[tuple[str, str]]] = {}
    for row in rows:
        for note in row.run.holds:
            found.setdefault(note.gate, []).append((row.run.cluster, note.text))
    groups = (_policy_group(gate, starts) for gate, starts in found.items())
    return sorted(groups, key=lambda group: (-group.count, group.gate))


def _policy_group(gate: str, starts: Sequence[tuple[str, str]]) -> ShadowPolicyGroup:
    clusters = tuple(dict.fromkeys(cluster for cluster, _ in starts))
    return ShadowPolicyGroup(gate, len(starts), clusters[:NAMED], starts[0][1])


# -- batches -----------------------------------------------------------------------------------


def _step(step: ShadowStep, rows: Sequence[Row]) -> StepReport:
    start, end = step.started_at, step.finished_at
    return StepReport(
        step=step,
        took=end - start if start is not None and end is not None else None,
        sliding=_sliding(step, rows),
        idle=_sum(row.idle for row in rows),
        slow=tuple(_slow(step, rows)),
    )


def _slow(step: ShadowStep, rows: Sequence[Row]) -> Iterable[SlowBatch]:
    for number, batch in enumerate(step.batches, 1):
        ends = {
            row.run.cluster: end
            for row in rows
            if row.run.batch == number and (end := _end(row.run)) is not None
        }
        if batch.ended_at is None or len(ends) < 2:
            continue
        slowest = max(ends, key=lambda name: (ends[name], natural_key(name)))
        idle = _sum(row.idle for row in rows if row.run.batch == number)
        yield SlowBatch(number, slowest, batch.ended_at - min(ends.values()), idle)


def _sliding(step: ShadowStep, rows: Sequence[Row]) -> timedelta | None:
    """Returns the time by list scheduling: the next cluster takes the first place that is free."""
    took = _durations(step, rows)
    if took is None or step.max_concurrency < 1:
        return None
    free = [_NO_TIME] * min(step.max_concurrency, len(took))
    heapify(free)
    last = _NO_TIME
    for duration in took:
        end = free[0] + duration
        heapreplace(free, end)
        last = max(last, end)
    return last


def _durations(step: ShadowStep, rows: Sequence[Row]) -> list[timedelta] | None:
    """Returns durations by cluster in natural order, without TALM's pauses between a cluster's
    actions."""
    found: dict[str, timedelta] = {}
    for row in rows:
        end = _end(row.run)
        if end is None:
            return None
        took = max(_NO_TIME, end - row.run.since)
        found[row.run.cluster] = found.get(row.run.cluster, _NO_TIME) + took
    if len(found) < step.total:
        return None
    return [found[name] for name in sorted(found, key=natural_key)]

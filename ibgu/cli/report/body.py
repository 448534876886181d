"""The facts of a report as one body for programs (docs/cli.md)."""

from collections.abc import Iterator, Mapping
from datetime import datetime

from msgspec import Struct

from ibgu.cli.report.comparison import by_action, by_failure
from ibgu.cli.report.facts import RolloutFacts, RolloutReport, group_key
from ibgu.cli.report.holds import RecordedHold, holds
from ibgu.cli.report.spread import DurationSpread
from ibgu.cli.report.totals import ValueTotals
from ibgu.client.responses import (
    ActivityEntryResponse,
    FailureGroupResponse,
    PointResponse,
    RolloutResponse,
    StepResponse,
)


class SpreadBody(Struct, frozen=True):
    """SpreadBody is a distribution; in seconds."""

    clusters: int
    p50: float
    p95: float
    max: float


class ActionBody(Struct, frozen=True):
    action: str
    outcomes: Mapping[str, int]
    """Clusters by outcome."""
    retried: int
    seconds: SpreadBody | None
    """The distribution over those that succeeded; null: none has."""


class ReportedStepBody(Struct, frozen=True):
    step: StepResponse
    seconds: float | None
    """The time from its start to its end, or until now; null: it has not begun."""
    actions: tuple[ActionBody, ...]
    waits: SpreadBody | None
    """The time from the start of the step to the start on each cluster; null: none has started."""
    timeline: tuple[PointResponse, ...]


class ValueBody(Struct, frozen=True):
    label: str
    value: str
    step: int
    outcomes: Mapping[str, int]
    seconds: SpreadBody | None


class FailureBody(Struct, frozen=True):
    group: FailureGroupResponse
    labels: Mapping[str, Mapping[str, int]]
    """Clusters by label and value."""


class NeedBody(Struct, frozen=True):
    step: int
    kind: str
    message: str
    since: datetime
    count: int
    clusters: list[str]
    """The first ten of them."""


class FactsBody(Struct, frozen=True):
    """FactsBody is one rollout."""

    hub: str
    now: datetime
    rollout: RolloutResponse
    seconds: float | None
    steps: tuple[ReportedStepBody, ...]
    labels: tuple[ValueBody, ...]
    failures: tuple[FailureBody, ...]
    needs: tuple[NeedBody, ...]
    paused: int
    """Clusters of which parts may still be paused."""
    holds: tuple[RecordedHold, ...]
    activity: tuple[ActivityEntryResponse, ...]
    """The newest entries, newest first."""
    whole_activity: bool


class DifferenceBody(Struct, frozen=True):
    """DifferenceBody is one action or failure in both rollouts."""

    name: str
    found: SpreadBody | int | None
    against: SpreadBody | int | None


class ComparisonBody(Struct, frozen=True):
    durations: tuple[DifferenceBody, ...]
    failures: tuple[DifferenceBody, ...]
    """Clusters with each failure."""


class ReportBody(Struct, frozen=True):
    """ReportBody is a report."""

    found: FactsBody
    against: FactsBody | None
    comparison: ComparisonBody | None


def body(report: RolloutReport) -> ReportBody:
    against = report.against
    return ReportBody(
        _facts(report.found),
        _facts(against) if against else None,
        _comparison(report.found, against) if against else None,
    )


def _facts(found: RolloutFacts) -> FactsBody:
    totals = found.totals
    return FactsBody(
        hub=found.hub,
        now=found.now,
        rollout=found.rollout,
        seconds=found.took.total_seconds() if found.took is not None else None,
        steps=tuple(_step(found, each) for each in found.steps),
        labels=tuple(_values(totals.values)),
        failures=tuple(_failure(found, each) for each in found.failures),
        needs=tuple(
            NeedBody(key.step, key.kind, need.message, need.since, need.count, need.clusters)
            for key, need in sorted(totals.needs.items(), key=lambda each: each[0])
        ),
        paused=totals.paused_count,
        holds=tuple(holds(found.activity)),
        activity=found.activity,
        whole_activity=found.whole_activity,
    )


def _step(found: RolloutFacts, step: StepResponse) -> ReportedStepBody:
    ended, totals = step.finished_at or found.now, found.totals
    points = next((each.points for each in found.timelines if each.step == step.step), ())
    wait = totals.waits.get(step.step)
    return ReportedStepBody(
        step=step,
        seconds=(ended - step.started_at).total_seconds() if step.started_at else None,
        actions=tuple(
            ActionBody(
                action,
                dict(totals.outcomes.get((step.step, action), {})),
                totals.retried[step.step, action],
                _spread(totals.took.get((step.step, action))),
            )
            for action in step.actions
        ),
        waits=_spread(wait.spread) if wait else None,
        timeline=points,
    )


def _values(labels: Mapping[str, Mapping[str, Mapping[int, ValueTotals]]]) -> Iterator[ValueBody]:
    for label, values in labels.items():
        for value, steps in sorted(values.items()):
            for step, each in sorted(steps.items()):
                yield ValueBody(label, value, step, dict(each.outcomes), _spread(each.took))


def _failure(found: RolloutFacts, group: FailureGroupResponse) -> FailureBody:
    labels = found.totals.failures.get(group_key(group), {})
    return FailureBody(group, {label: dict(values) for label, values in labels.items()})


def _spread(found: DurationSpread | None) -> SpreadBody | None:
    if not found:
        return None
    return SpreadBody(len(found), found.p50, found.p95, found.max)


def _comparison(found: RolloutFacts, against: RolloutFacts) -> ComparisonBody:
    took = (by_action(found), by_action(against))
    failed = (by_failure(found), by_failure(against))
    return ComparisonBody(
        tuple(
            DifferenceBody(name, *(_spread(each.get(name)) for each in took))
            for name in dict.fromkeys((*took[0], *took[1]))
        ),
        tuple(
            DifferenceBody(name, *(each[name] for each in failed))
            for name, _ in (failed[0] + failed[1]).most_common()
        ),
    )

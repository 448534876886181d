"""Returns the rows of a report's tables as plain text."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import timedelta

from ibgu.cli.report.charts import Histogram, histogram
from ibgu.cli.report.facts import RolloutFacts, group_key
from ibgu.cli.report.holds import actor, holds
from ibgu.cli.report.totals import NO_LABEL, OTHERS, ValueTotals
from ibgu.cli.report.words import NOTHING, counted, moment, seconds, span
from ibgu.client.responses import FailureGroupResponse, StepResponse
from ibgu.core.model import Kind
from ibgu.core.text.natural import natural_key

MAX_VALUES = 40
"""The most values of a label that a table has."""
_MAX_FAILED_VALUES = 8
_OUTCOMES = ("succeeded", "failed", "skipped", "cancelled")
_ALWAYS_LISTED = (Kind.ROLLOUT_SEEN, Kind.PLAN_ACCEPTED)
"""What is a change even if nobody knows who made it."""

Row = tuple[str, ...]


def plan(found: RolloutFacts) -> Iterator[Row]:
    for number, item in enumerate(found.rollout.plan, 1):
        timeout = span(timedelta(minutes=item.timeout_minutes))
        yield (str(number), " + ".join(item.actions), f"{item.max_concurrency:,}", timeout)


def of_step(found: RolloutFacts, step: StepResponse) -> Row:
    counts = step.counts
    took = (step.finished_at or found.now) - step.started_at if step.started_at else None
    return (
        moment(step.started_at),
        moment(step.finished_at) if step.finished_at else step.state,
        span(took),
        f"{counts.total:,}",
        *(f"{getattr(counts, name):,}" for name in _OUTCOMES),
        f"{counts.waiting + counts.running:,}",
    )


def durations(found: RolloutFacts, step: StepResponse) -> Iterator[tuple[str | Histogram, ...]]:
    for action in step.actions:
        key = (step.step, action)
        outcomes, took = found.totals.outcomes[key], found.totals.took[key]
        measured = (NOTHING, NOTHING, NOTHING)
        chart: str | Histogram = ""
        if len(took):
            measured = (seconds(took.p50), seconds(took.p95), seconds(took.max))
            chart = histogram(took, f"Durations of {action}, from 0 to {measured[2]}")
        numbers = (outcomes["succeeded"], outcomes["failed"], found.totals.retried[key])
        yield (action, chart, *(f"{each:,}" for each in numbers), *measured)


def by_value(values: Mapping[str, Mapping[int, ValueTotals]]) -> Iterator[Row]:
    """Yields the largest values of a label by name, those without a value of their own last."""

    def size(value: str) -> int:
        return max(sum(each.outcomes.values()) for each in values[value].values())

    largest = sorted(values, key=size, reverse=True)[:MAX_VALUES]
    for value in sorted(largest, key=lambda each: (each in (NO_LABEL, OTHERS), natural_key(each))):
        for step, totals in sorted(values[value].items()):
            yield _of_value(value, step, totals)


def _of_value(value: str, step: int, totals: ValueTotals) -> Row:
    outcomes, took = totals.outcomes, totals.took
    total = sum(outcomes.values())
    ended = [outcomes[name] for name in _OUTCOMES]
    measured = (seconds(took.p50), seconds(took.p95)) if len(took) else (NOTHING, NOTHING)
    numbers = (total, *ended, total - sum(ended))
    return (value, str(step), *(f"{each:,}" for each in numbers), *measured)


def values_of_failure(found: RolloutFacts, group: FailureGroupResponse) -> Iterator[Row]:
    """Yields each label with the values that most of the group's clusters have."""
    for label, values in found.totals.failures.get(group_key(group), {}).items():
        largest = values.most_common(_MAX_FAILED_VALUES)
        words = ", ".join(f"{value} ({count:,})" for value, count in largest)
        left = len(values) - len(largest)
        yield label, words + (f" and {counted(left, 'more value')}" if left else "")


def longest_holds(found: RolloutFacts) -> list[Row]:
    now = found.ended or found.now
    longest = sorted(holds(found.activity), key=lambda hold: hold.lasted(now), reverse=True)
    return [
        (
            "rollout" if hold.step is None else f"step {hold.step}",
            f"{hold.kind}: {hold.message}",
            moment(hold.since),
            moment(hold.until) if hold.until else "lasts",
            hold.ended_by or NOTHING,
            span(hold.lasted(now)),
        )
        for hold in longest
    ]


def held_by_kind(found: RolloutFacts) -> str:
    """Returns how long the rollout and its steps were held for each kind of reason."""
    sums: defaultdict[str, timedelta] = defaultdict(timedelta)
    for hold in holds(found.activity):
        sums[hold.kind] += hold.lasted(found.ended or found.now)
    ordered = sorted(sums.items(), key=lambda each: each[1], reverse=True)
    return ", ".join(f"{kind}: {span(lasted)}" for kind, lasted in ordered)


def waits(found: RolloutFacts) -> list[Row]:
    return [
        (str(step.step), reason.kind, reason.who, f"{reason.count:,}", f"{reason.overdue:,}")
        for step in found.steps
        for reason in step.reasons
    ]


def starts(found: RolloutFacts) -> list[Row]:
    rows: list[Row] = []
    for step, wait in sorted(found.totals.waits.items()):
        spread = wait.spread
        longest = f"{seconds(spread.max)} ({wait.cluster})"
        measured = (seconds(spread.p50), seconds(spread.p95), longest)
        rows.append((str(step), f"{len(spread):,}", *measured))
    return rows


def changes(found: RolloutFacts) -> list[Row]:
    """Returns who changed the rollout, and what came of it, oldest first."""
    return [
        (
            moment(each.at),
            actor(each) or NOTHING,
            each.title + (f" (step {each.step})" if each.step else ""),
            each.text,
        )
        for each in reversed(found.activity)
        if each.who or each.via or each.kind in _ALWAYS_LISTED
    ]

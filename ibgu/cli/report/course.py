"""Renders how the steps of a rollout went: counts, durations, and the clusters done over time."""

from collections.abc import Iterator

from ibgu.cli.report import charts
from ibgu.cli.report.elements import Markup, element, quiet, section, table
from ibgu.cli.report.facts import RolloutFacts
from ibgu.cli.report.totals import NO_LABEL, OTHERS, ValueTotals
from ibgu.cli.report.words import NOTHING, moment, seconds, span
from ibgu.client.responses import StepResponse
from ibgu.core.text.natural import natural_key

BINS = 24
MAX_VALUES = 40
"""The most values of a label that a table has."""
_OUTCOMES = ("succeeded", "failed", "skipped", "cancelled")
_KEY = element(
    "p",
    element("span", element("i"), "succeeded"),
    element("span", element("i", class_="failed"), "failed"),
    element("span", element("i", class_="flight"), "in flight"),
    class_="key quiet",
)


def steps(found: RolloutFacts) -> Markup:
    begun = [step for step in found.steps if step.started_at]
    if not begun:
        return section("Steps", quiet("No step has begun."))
    return section("Steps", *(part for step in begun for part in _step(found, step)))


def _step(found: RolloutFacts, step: StepResponse) -> Iterator[Markup]:
    counts = step.counts
    yield element("h3", f"Step {step.step}: {' + '.join(step.actions)}")
    ended = moment(step.finished_at) if step.finished_at else step.state
    took = (step.finished_at or found.now) - step.started_at if step.started_at else None
    yield table(
        ("Began", "Ended", "Took", "Clusters", *map(str.capitalize, _OUTCOMES), "Not finished"),
        [
            (
                moment(step.started_at),
                ended,
                span(took),
                f"{counts.total:,}",
                *(f"{getattr(counts, name):,}" for name in _OUTCOMES),
                f"{counts.waiting + counts.running:,}",
            )
        ],
        numbers=6,
    )
    points = next((each.points for each in found.timelines if each.step == step.step), ())
    if len(points) > 1 and counts.total:
        yield charts.progress_chart(points, counts.total)
        yield _KEY
    yield _durations(found, step)


def _durations(found: RolloutFacts, step: StepResponse) -> Markup:
    rows = []
    for action in step.actions:
        key = (step.step, action)
        outcomes, took = found.totals.outcomes[key], found.totals.took[key]
        measured = (NOTHING, NOTHING, NOTHING)
        chart: str = ""
        if len(took):
            measured = (seconds(took.p50), seconds(took.p95), seconds(took.max))
            label = f"Durations of {action}, from 0 to {measured[2]}"
            chart = charts.histogram(took.bins(BINS), label)
        numbers = (outcomes["succeeded"], outcomes["failed"], found.totals.retried[key])
        rows.append((action, chart, *(f"{each:,}" for each in numbers), *measured))
    headings = ("Action", "Durations", "Succeeded", "Failed", "Retried", "p50", "p95", "Max")
    return table(headings, rows, numbers=6)


def labels(found: RolloutFacts) -> Markup:
    """Returns a table for each label that the clusters are grouped by."""
    parts = []
    for label, values in found.totals.values.items():
        parts.append(element("h3", label))
        ordered = sorted(values, key=lambda value: -_size(values[value]))
        shown = sorted(ordered[:MAX_VALUES], key=_order)
        rows = [
            _of_value(value, step, values[value][step])
            for value in shown
            for step in sorted(values[value])
        ]
        headings = ("Value", "Step", "Clusters", *map(str.capitalize, _OUTCOMES), "Not finished")
        parts.append(table((*headings, "p50", "p95"), rows, numbers=8))
        if len(ordered) > MAX_VALUES:
            parts.append(quiet(f"The {MAX_VALUES} largest of {len(ordered):,} values."))
    parts.append(
        quiet(
            "By the labels that the ManagedClusters have now. p50 and p95: of the whole "
            "step on a cluster that succeeded."
        )
    )
    return section("By label", *parts)


def _size(steps_of_value: dict[int, ValueTotals]) -> int:
    return max(sum(each.outcomes.values()) for each in steps_of_value.values())


def _order(value: str) -> tuple[bool, object]:
    """Returns a key that puts the groups without a value of their own last."""
    return (value in (NO_LABEL, OTHERS), natural_key(value))


def _of_value(value: str, step: int, of_value: ValueTotals) -> tuple[str, ...]:
    outcomes, took = of_value.outcomes, of_value.took
    total = sum(outcomes.values())
    ended = [outcomes[name] for name in _OUTCOMES]
    measured = (seconds(took.p50), seconds(took.p95)) if len(took) else (NOTHING, NOTHING)
    numbers = (total, *ended, total - sum(ended))
    return (value, str(step), *(f"{each:,}" for each in numbers), *measured)

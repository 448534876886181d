"""Renders a rollout beside another one: counts, durations, failures."""

from collections import Counter
from collections.abc import Iterator

from ibgu.cli.report.elements import Markup, quiet, section, table
from ibgu.cli.report.facts import RolloutFacts
from ibgu.cli.report.spread import DurationSpread
from ibgu.cli.report.words import NOTHING, moment, seconds, span

MAX_FAILURES = 50
_COUNTS = ("total", "succeeded", "failed", "skipped", "cancelled")


def comparison(found: RolloutFacts, against: RolloutFacts) -> Markup:
    both = (found, against)
    headings = ("", found.full_name, against.full_name)
    return section(
        "Compared",
        table(headings, [*_heads(both), *_counts(both)], numbers=2, class_="compared"),
        table(
            ("Duration of a success", *headings[1:]), _durations(both), numbers=2, class_="compared"
        ),
        table(("Failures", *headings[1:]), _failures(both), numbers=2, class_="compared"),
        quiet(
            "Durations are of each cluster, from the first attempt of the action to its end, in "
            "all steps with that action."
        ),
    )


Both = tuple[RolloutFacts, RolloutFacts]


def _heads(both: Both) -> Iterator[tuple[str, ...]]:
    yield ("Kind", *(each.rollout.kind for each in both))
    yield ("Release", *(each.rollout.release.version or NOTHING for each in both))
    yield ("State", *(each.rollout.phase for each in both))
    yield ("Began", *(moment(each.rollout.started_at) for each in both))
    yield ("Took", *(f"{span(each.took)}{'' if each.over else ' until now'}" for each in both))


def _counts(both: Both) -> Iterator[tuple[str, ...]]:
    for name in _COUNTS:
        numbers = [getattr(each.rollout.counts, name) for each in both]
        shares = [each.rollout.counts.total for each in both]
        title = "Clusters" if name == "total" else name.capitalize()
        yield (title, *map(_of, numbers, shares))


def _of(number: int, total: int) -> str:
    """Returns the number, with its share of the clusters."""
    share = f" ({number / total:.1%})" if total and number != total else ""
    return f"{number:,}{share}"


def _durations(both: Both) -> Iterator[tuple[str, ...]]:
    measured = [by_action(each) for each in both]
    for action in dict.fromkeys(name for each in measured for name in each):
        spreads = [each.get(action) for each in measured]
        yield (f"{action}: clusters", *(f"{len(each or ()):,}" for each in spreads))
        yield (f"{action}: p50", *(seconds(each.p50) if each else NOTHING for each in spreads))
        yield (f"{action}: p95", *(seconds(each.p95) if each else NOTHING for each in spreads))


def by_action(found: RolloutFacts) -> dict[str, DurationSpread]:
    spreads: dict[str, DurationSpread] = {}
    for (_, action), spread in sorted(found.totals.took.items()):
        if len(spread):
            spreads[action] = spreads.get(action, DurationSpread()).merged(spread)
    return spreads


def _failures(both: Both) -> list[tuple[str, ...]]:
    counted = [by_failure(each) for each in both]
    largest = (counted[0] + counted[1]).most_common(MAX_FAILURES)
    return [(name, *(f"{each[name]:,}" for each in counted)) for name, _ in largest] or [
        ("none", "0", "0")
    ]


def by_failure(found: RolloutFacts) -> Counter[str]:
    counts: Counter[str] = Counter()
    for group in found.failures:
        named = group.failure or group.cause or group.outcome
        counts[f"{group.action}: {named}" if group.action else named] += group.count
    return counts

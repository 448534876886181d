"""Puts a rollout beside another one: counts, durations, failures."""

from collections import Counter
from collections.abc import Iterator

from ibgu.cli.report.facts import RolloutFacts
from ibgu.cli.report.spread import DurationSpread
from ibgu.cli.report.words import NOTHING, moment, seconds, span
from ibgu.client.responses import FailureGroupResponse

_MAX_FAILURES = 50
_COUNTS = ("total", "succeeded", "failed", "skipped", "cancelled")


def counts(*both: RolloutFacts) -> Iterator[tuple[str, ...]]:
    yield ("Kind", *(each.rollout.kind for each in both))
    yield ("Release", *(each.rollout.release.version or NOTHING for each in both))
    yield ("State", *(each.rollout.phase for each in both))
    yield ("Began", *(moment(each.rollout.started_at) for each in both))
    yield ("Took", *(f"{span(each.took)}{'' if each.over else ' until now'}" for each in both))
    for name in _COUNTS:
        title = "Clusters" if name == "total" else name.capitalize()
        yield (title, *(_share(each, name) for each in both))


def _share(found: RolloutFacts, name: str) -> str:
    """Returns the number, with its share of the clusters."""
    number, total = getattr(found.rollout.counts, name), found.rollout.counts.total
    share = f" ({number / total:.1%})" if total and number != total else ""
    return f"{number:,}{share}"


def durations(*both: RolloutFacts) -> Iterator[tuple[str, ...]]:
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


def failures(*both: RolloutFacts) -> list[tuple[str, ...]]:
    counted = [by_failure(each) for each in both]
    largest = (counted[0] + counted[1]).most_common(_MAX_FAILURES)
    return [(name, *(f"{each[name]:,}" for each in counted)) for name, _ in largest] or [
        ("none", "0", "0")
    ]


def by_failure(found: RolloutFacts) -> Counter[str]:
    clusters: Counter[str] = Counter()
    for group in found.failures:
        clusters[failure_name(group)] += group.count
    return clusters


def failure_name(group: FailureGroupResponse) -> str:
    named = group.failure or group.cause or group.outcome
    return f"{group.action}: {named}" if group.action else named

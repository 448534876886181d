"""Forecasts when a plan will be over that has not begun, or not all of it."""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from itertools import chain

from msgspec import Struct
from msgspec.structs import replace

from ibgu.core.engine.gate import policy_gate
from ibgu.core.engine.state.budgets import spent_ahead
from ibgu.core.engine.timing.durations import DurationsByAction, DurationStats
from ibgu.core.model import PolicyRule
from ibgu.core.model.rollout_policy import BudgetScope
from ibgu.core.text.spans import duration
from ibgu.core.views.forecast.eta import measured_words
from ibgu.core.views.forecast.step_course import PlannedStep, PlanRules, StepCourse

_TOGETHER = {
    BudgetScope.STEP: "a step's",
    BudgetScope.ROLLOUT: "the rollout's",
    BudgetScope.HUB: "the hub's",
}


class Unreached(Struct, frozen=True):
    """Unreached are clusters that do not get to the end of the plan, or of a step of it."""

    why: str
    clusters: tuple[str, ...]


class Forecast(Struct, frozen=True):
    """Forecast is when the clusters that the plan reaches have ended."""

    likely: datetime | None = None
    """If every action takes as long as half of the measured ones; None: an action was measured too
    rarely, or no cluster of a step can start."""
    slow: datetime | None = None
    """If every action takes as long as the slowest of twenty; known if `likely` is."""
    basis: tuple[str, ...] = ()
    """What both rest on, as sentences."""
    unreached: tuple[Unreached, ...] = ()
    """Those of the likely course."""


def forecast(
    steps: Sequence[PlannedStep],
    rules: PlanRules,
    begin: tuple[datetime | None, datetime | None],
    duration_stats: DurationsByAction,
) -> Forecast:
    """Returns the forecast of the steps, one after the other. `begin`: when the first one begins,
    likely and if all before it is slow; None: that is not known."""
    actions = list(dict.fromkeys(each for step in steps if step.clusters for each in step.actions))
    missing = [each for each in actions if each not in duration_stats]
    if missing:
        return Forecast(basis=(f"times of {', '.join(missing)}, measured too rarely here",))
    likely, unreached = _play(steps, rules, begin[0], duration_stats, _half)
    slow, _ = _play(steps, rules, begin[1], duration_stats, _most)
    grouped: dict[str, list[str]] = {}
    for name, why in unreached.items():
        grouped.setdefault(why, []).append(name)
    if likely is None or slow is None:
        likely = slow = None
    else:
        slow = max(likely, slow)
    return Forecast(
        likely,
        slow,
        (*(measured_words(each, duration_stats[each]) for each in actions), *_basis(steps, rules)),
        tuple(Unreached(why, tuple(names)) for why, names in grouped.items()),
    )


def _half(stats: DurationStats) -> float:
    return stats.p50


def _most(stats: DurationStats) -> float:
    return stats.p95


def _play(
    steps: Sequence[PlannedStep],
    rules: PlanRules,
    begin: datetime | None,
    duration_stats: DurationsByAction,
    take: Callable[[DurationStats], float],
) -> tuple[datetime | None, dict[str, str]]:
    """Returns the end and those that do not get there, with the reasons: a later step does not take
    them."""
    durations = {each: timedelta(seconds=take(stats)) for each, stats in duration_stats.items()}
    unreached: dict[str, str] = {}
    at = begin
    for step in steps:
        left = [each for each in step.clusters if each.name not in unreached]
        if at is None or not left:
            continue
        names = [each.name for each in left]
        if held := spent_ahead(rules.budgets, rules.failures, rules.fleet, step.actions, names):
            unreached.update(dict.fromkeys(names, held))
            at = None
            continue
        found = StepCourse(replace(step, clusters=left), rules, at, durations).end()
        unreached.update(found.unreached)
        at = found.at
    return at, unreached


def _basis(steps: Sequence[PlannedStep], rules: PlanRules) -> Iterator[str]:
    chains = [step.actions for step in steps if step.clusters]
    for gate in rules.gates:
        if gate.rule == PolicyRule.TIMES and any(map(gate.keeps, chain(*chains))):
            yield f"{gate.name}: windows and freezes"
    for canaries in rules.canaries:
        if any(map(canaries.hold, chains)):
            soak = duration(canaries.soak)
            yield f"{policy_gate(canaries.policy)}: canaries succeed, and stay well for {soak}"
    for limits in rules.limits:
        if any(map(limits.hold, chains)):
            yield f"{policy_gate(limits.name)}: other rollouts take none of its places"
    yield from (f"{gate}: what it wants approved is approved at once" for gate in rules.approved)
    yield "no cluster fails"
    for budget in rules.budgets:
        if any(map(budget.hold, chains)):
            most = f"{budget.budget.maximum} of {_TOGETHER[budget.budget.per]} clusters"
            yield f"{policy_gate(budget.policy)}: holds starts once more than {most} have failed"

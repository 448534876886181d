"""The outlook of a rollout says of many runs what they have in common."""

from collections.abc import Callable
from datetime import timedelta
from random import Random

import pytest

from ibgu.core.drivers.ibu.actions import Action
from ibgu.core.model import ClusterView
from ibgu.core.model.kinds import LabelSelector
from ibgu.core.model.rollout_policy import RolloutPolicy
from ibgu.core.rehearsal.model import Odds, PlannedStep, RehearsedPlan
from ibgu.core.rehearsal.outlook import Outlook, outlook
from ibgu.core.rehearsal.run import Rehearsal
from ibgu.core.rehearsal.spread import Percentiles, spread, thinned
from ibgu.core.rehearsal.timeline import MAX_POINTS
from tests.core.engine.decide.fleet import START
from tests.core.engine.gates.policies.policy import policy

UP: dict[str, Odds] = {Action.PREP: Odds(600.0, 900.0), Action.UPGRADE: Odds(1800.0, 2400.0)}


def uniform(number: int) -> Callable[[], float]:
    return Random(number).random


def seen(plan: RehearsedPlan, failing: float = 0.0, runs: int = 20) -> Outlook:
    rehearsal = Rehearsal(plan)
    odds = {each: Odds(known.p50, known.p95, failing) for each, known in UP.items()}
    ran = list(rehearsal.runs(odds, uniform, runs))
    return outlook(rehearsal, ran, lambda number: "north" if number % 2 else "south")


def plan(*policies: RolloutPolicy, timeout: int = 600) -> RehearsedPlan:
    """Twenty clusters, five at a time."""
    clusters = [
        ClusterView(
            name=f"site-{number:02}",
            uid=f"uid-{number}",
            accepted=True,
            deleting=False,
            reachable=True,
            local=False,
        )
        for number in range(20)
    ]
    steps = (PlannedStep((action,), 5, timedelta(minutes=timeout)) for action in UP)
    return RehearsedPlan(
        steps=tuple(steps),
        selectors=[LabelSelector()],
        clusters=clusters,
        begin=START,
        policies=policies,
    )


def test_a_plan_that_goes_well() -> None:
    found = seen(plan())
    assert (found.runs, found.clusters, found.slots, found.held) == (20, 20, 5, {})
    assert [each.succeeded for each in found.steps] == [20, 20]
    assert [each.begun for each in found.steps] == [1, 1]
    first, second = (each.end for each in found.steps)
    assert first is not None
    assert second is not None
    assert 2400 < first.p5 <= first.p50 <= first.p95 < second.p5
    assert found.end == second
    assert set(found.regions) == {"north", "south"}
    assert max(each.p95 for each in found.regions.values()) <= found.end.p95
    assert 1 <= found.pulls.p50 <= 20


def test_a_circuit_breaker_that_holds() -> None:
    """All fail, so the second step opens with nobody, or not at all."""
    found = seen(plan(), failing=1.0)
    assert found.steps[0].failed > 0
    assert found.steps[0].succeeded == 0


def test_rules_that_failures_break_are_named_with_their_odds() -> None:
    careful = policy("careful", canaries={"count": 2}, failureBudget={"maximum": 3})
    found = seen(plan(careful), failing=0.2, runs=60)
    assert {(each.rule, each.policy) for each in found.trips} >= {
        ("canaries", "careful"), ("failure budget", "careful"),
    }  # fmt: skip
    first = found.trips[0]
    assert (first.rule, first.step, first.started) == ("canaries", 1, Percentiles(2, 2, 2))
    assert 0.2 < first.share < 0.6
    budget = next(each for each in found.trips if each.rule == "failure budget")
    assert budget.failed.p5 == 4
    assert sum(each.share for each in found.trips) == pytest.approx(sum(found.held.values()))
    own = {each.policy for each in seen(plan(), failing=0.6, runs=60).trips}
    assert own == {""}


def test_a_policy_keeps_clusters_and_a_timeout_ends_steps() -> None:
    found = seen(plan(policy("narrow", inFlight=1), timeout=60))
    (kept,) = found.policies
    assert kept.name == "narrow"
    assert kept.clusters.p50 > 10
    assert kept.hours.p50 > 1
    assert seen(plan(timeout=20)).steps[0].timed_out > 0


def test_without_regions_none_are_shown() -> None:
    rehearsal = Rehearsal(plan())
    ran = list(rehearsal.runs(UP, uniform, 1))
    assert outlook(rehearsal, ran).regions == {}


def test_a_spread_of_few_values() -> None:
    assert spread([3.0]) == Percentiles(3.0, 3.0, 3.0)
    assert spread(range(100)) == Percentiles(5.0, 50.0, 95.0)


def test_few_of_many_values_are_kept_in_order() -> None:
    assert thinned(range(1000), 4) == (0, 250, 500, 750)
    assert thinned([3.0, 1.0], 4) == (1, 3)


def test_the_load_over_time() -> None:
    found = seen(plan())
    first = found.load[0]
    assert (first.at, first.starts.p95, first.pulls.p95) == (0, 5, 5)
    assert 4 < first.slots.p50 <= 5
    assert max(each.slots.p95 for each in found.load) == pytest.approx(5)
    assert found.load[-1].at < found.ends[-1]
    assert found.load[-1].pulls.p95 == 0
    frozen = policy(freezes=[{"from": "2026-01-01T00:00:00Z", "until": "2026-03-01T00:00:00Z"}])
    long = seen(plan(frozen)).load
    assert len(long) <= MAX_POINTS
    assert long[0].slots.p95 == 0

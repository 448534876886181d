"""A rehearsal from the middle of a rollout ends it as the engine does, on the same draws."""

from collections.abc import Callable
from datetime import timedelta
from random import Random

import pytest
from msgspec.structs import replace

from ibgu.core.model import Finished, Kind, Outcome
from ibgu.core.model.kinds import LabelSelector
from ibgu.core.model.names import RAMP_UP, STARTS_PER_MINUTE
from ibgu.core.rehearsal.model import (
    BegunStep,
    MemberNow,
    Odds,
    RehearsedPlan,
    Standing,
    draw,
)
from ibgu.core.rehearsal.outlook import outlook
from ibgu.core.rehearsal.run import Rehearsal
from ibgu.core.rehearsal.spread import spread
from tests.core.engine.decide.fleet import InMemoryEngine, ibgu
from tests.core.engine.gates.policies.policy import SITE, policy
from tests.core.rehearsal.pair import REACTION, Case, engine_of, plan_of
from tests.core.rehearsal.test_against_the_engine import NIGHT, SITES, ZONES, case
from tests.core.rehearsal.test_bands import ROLLOUTS, WITHIN, rollout
from tests.core.rehearsal.under_way import halfway, what_is_left

NIGHTS = policy(actions=["Upgrade"], **NIGHT)
HALF = policy(failureBudget={"maximum": "50%"})
CASES = {
    "plain": (case("Prep", "Upgrade"), (10, 45, 110)),
    "chain": (case("Prep Upgrade"), (20, 90)),
    "failures": (
        case("Prep", "Upgrade", "FinalizeUpgrade", failing={"Prep": 0.1, "Upgrade": 0.1}),
        (15, 70, 150),
    ),
    "ramp-up": (case("Prep", "Upgrade", annotations={RAMP_UP: "true"}, timeout=600), (15, 70)),
    "start rate": (
        case("Prep", annotations={STARTS_PER_MINUTE: "3"}, concurrency=30, timeout=600),
        (5,),
    ),
    "timeout": (case("Prep", "Upgrade", timeout=50, concurrency=7), (1, 6)),
    "topology": (
        case(
            "Prep Upgrade",
            timeout=2000,
            labels=SITES,
            policies=[policy(perTopology=[{"label": SITE, "maximum": 2}])],
        ),
        (30, 200),
    ),
    "canaries that soak": (
        case("Prep", "Upgrade", policies=[policy(canaries={"count": 3, "soakMinutes": 60})]),
        (15, 50, 150),
    ),
    "night": (
        case("Prep", "Upgrade", labels=ZONES, days=8, policies=[NIGHTS]),
        (30, 300, 1600),
    ),
    "budget that is not spent": (
        case("Prep", "Upgrade", failing={"Prep": 0.1}, policies=[HALF]),
        (30, 90),
    ),
}  # fmt: skip


COVERS = {("ramp-up", 15), ("start rate", 5)}
"""The cases that cover what nothing else does; the others are too long to measure that."""


@pytest.mark.parametrize(
    ("name", "minutes"),
    [
        pytest.param(
            name, at, marks=() if (name, at) in COVERS else pytest.mark.slow("every-point")
        )
        for name, (_, times) in CASES.items()
        for at in times
    ],
)
def test_the_rest_ends_as_the_engine_ends_it(name: str, minutes: int) -> None:
    found, _ = CASES[name]
    engine, plan = halfway(found, minutes)
    agree_on_the_rest(found, engine, plan)


def agree_on_the_rest(found: Case, engine: InMemoryEngine, plan: RehearsedPlan) -> None:
    began = engine.now
    ours = Rehearsal(plan).run(found.draws)
    engine.drive(timedelta(days=found.days))
    theirs = engine.tracked("uid-a").steps
    assert len(ours.steps) == len(theirs)
    for mine, real in zip(ours.steps, theirs, strict=True):
        assert bool(mine.held) == (real.step.finished_at is None)
        if real.step.finished_at is not None:
            assert abs(mine.at - (real.step.finished_at - began).total_seconds()) <= REACTION
        assert mine.succeeded == real.counts[Outcome.SUCCEEDED]
        assert mine.failed + mine.never_started == real.counts[Outcome.FAILED]


HOLDS = {
    "circuit breaker": case("Prep", "Upgrade", failing={"Upgrade": 0.7}),
    "budget": case(
        "Prep", "Upgrade", failing={"Prep": 0.3}, policies=[policy(failureBudget={"maximum": 2})]
    ),
    "canary that has failed": case(
        "Prep",
        "Upgrade",
        failing={"Prep": 0.3},
        policies=[policy(canaries={"count": 10, "soakMinutes": 5})],
    ),
    "breaker of a policy": case(
        "Prep", "Upgrade", failing={"Upgrade": 0.5}, policies=[policy(breaker={"sameCause": 3})]
    ),
}


@pytest.mark.parametrize("name", HOLDS)
def test_a_step_that_is_held_goes_on_as_if_it_were_resumed_now(name: str) -> None:
    found = HOLDS[name]
    engine, plan = halfway(found, 60 * 24)
    assert engine.tracked("uid-a").steps[-1].step.hold is not None
    engine.annotate("uid-a", resume="1")
    agree_on_the_rest(found, engine, plan)


def test_the_next_cluster_takes_the_place_of_a_canary_that_was_skipped() -> None:
    soaks = policy(canaries={"count": 1, "soakMinutes": 60})
    found = case("Prep", policies=[soaks], timeout=3000)
    engine = engine_of(found)
    first, *_ = engine.spokes
    engine.spokes[first].dark = True
    engine.wait(hours=1)
    engine.annotate("uid-a", skip=first)
    engine.settle()
    agree_on_the_rest(found, engine, what_is_left(found, engine))


def test_the_next_cluster_takes_the_place_of_a_canary_whose_run_was_withdrawn() -> None:
    soaks = policy(canaries={"count": 1, "soakMinutes": 60})
    found = case("Prep", policies=[soaks], timeout=3000)
    engine = engine_of(found)
    first, *_ = engine.spokes
    engine.until(Kind.RUN_ARMING)
    engine.spokes[first].dark = True
    engine.touch_cluster(first)
    engine.wait(minutes=5)
    engine.annotate("uid-a", skip=first)
    engine.settle()
    agree_on_the_rest(found, engine, what_is_left(found, engine))


def test_a_canary_that_was_cancelled_on_its_way_keeps_nobody_after_a_resume() -> None:
    soaks = policy(actions=["Prep"], canaries={"count": 1, "soakMinutes": 60})
    found = case("Prep", policies=[soaks], timeout=3000)
    engine = engine_of(found)
    first, *_ = engine.spokes
    engine.labels[first] = {**engine.labels[first], "name": first}
    engine.settle()
    engine.apply(ibgu("b", "Abort", selectors=[LabelSelector({"name": first})]))
    engine.wait(hours=1)
    engine.annotate("uid-a", resume="1")
    engine.settle()
    agree_on_the_rest(found, engine, what_is_left(found, engine))


def seeded(seed: int) -> Callable[[int], Callable[[], float]]:
    return lambda number: Random(f"left/{seed}/{number}").random


def ends_within(seed: int) -> bool:
    """Rehearses what is left after a third of the time, from what the hub has measured."""
    found, odds = rollout(seed)
    whole, _ = halfway(found, 60 * 24 * found.days)
    last = whole.tracked("uid-a").steps[-1].members.values()
    end = max(each.ended_at for each in last if isinstance(each, Finished))
    begin = whole.tracked("uid-a").steps[0].step.started_at
    assert begin is not None
    engine, plan = halfway(found, int((end - begin).total_seconds() / 60 / 3))
    band = spread(run.end for run in Rehearsal(plan).runs(odds, seeded(seed), 60))
    return band.p5 <= (end - engine.now).total_seconds() <= band.p95


@pytest.mark.slow("every-point")
def test_rollouts_end_within_the_band_of_what_was_left() -> None:
    assert sum(map(ends_within, range(ROLLOUTS))) >= WITHIN


def test_actions_under_way_take_longer_than_they_have_taken() -> None:
    found, odds = rollout(1)
    _, plan = halfway(found, 10)
    runs = list(Rehearsal(plan).runs(odds, seeded(1), 20))
    assert all(min(end for end in run.steps[0].ended.values() if end > 0) > 0 for run in runs)
    assert outlook(Rehearsal(plan), runs).steps[0].over is False


def test_a_member_that_a_window_keeps_goes_on_once_it_opens() -> None:
    found = case("Prep Upgrade", labels=ZONES, policies=[NIGHTS])
    plan = plan_of(found)
    members = [
        MemberNow("site-00", Standing.KEPT, 1, -60.0, -900.0),
        MemberNow("site-01", Standing.UNDER_WAY, 1, -60.0, -900.0),
    ]
    run = Rehearsal(replace(plan, begun=(BegunStep(-900.0, members),))).run(found.draws)
    upgrade = found.draws["Upgrade"].seconds
    assert run.steps[0].ended == {0: 3600 + upgrade[0], 1: upgrade[1] - 60}


def test_an_action_that_always_takes_as_long_is_under_way_for_the_rest() -> None:
    found = draw({"Prep": Odds(600.0, 600.0)}, 2, Random(1).random, {"Prep": {0: 200.0, 1: 700.0}})
    assert found["Prep"].seconds == pytest.approx([600, 700])

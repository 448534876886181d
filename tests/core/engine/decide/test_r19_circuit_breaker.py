"""R19: a bad seed must not go through a fleet."""

from datetime import timedelta

import pytest
from msgspec.structs import replace

from ibgu.core.drivers.ibu.actions import Stage
from ibgu.core.model import Kind, Outcome, ReasonKind
from tests.core.engine.decide.fleet import InMemoryEngine, ibgu
from tests.core.engine.gates.policies.policy import policy, set_policies


def fleet(
    bad: range | list[int], count: int = 12, concurrency: int = 1
) -> tuple[InMemoryEngine, str]:
    engine = InMemoryEngine(*(f"site-{n}" for n in range(1, count + 1)))
    for n, spoke in enumerate(engine.spokes.values(), 1):
        spoke.to("Prep")
        engine.labels[spoke.name]["lcm.openshift.io/ibgu-prep-completed"] = ""
        spoke.faults[Stage.UPGRADE] = "fail" if n in bad else ""
    return engine, engine.apply(ibgu("a", "Upgrade", concurrency=concurrency, timeout=2000))


def failed(engine: InMemoryEngine, uid: str) -> int:
    return engine.tracked(uid).steps[0].counts[Outcome.FAILED]


def stopped(engine: InMemoryEngine, uid: str) -> str:
    hold = engine.tracked(uid).steps[0].step.hold
    return hold.message if hold is not None and hold.kind is ReasonKind.CIRCUIT_BREAKER else ""


def test_the_first_five_failures_stop_new_starts() -> None:
    engine, uid = fleet(range(1, 13))
    engine.wait(hours=5)
    assert failed(engine, uid) == 5
    assert "the first 5 clusters of this step have all failed" in stopped(engine, uid)
    assert "ibgu.dev/resume" in stopped(engine, uid)
    assert engine.told(Kind.STEP_HELD) == engine.warnings()


def test_the_circuit_breaker_does_not_stop_runs_in_flight() -> None:
    engine, uid = fleet(range(1, 13), concurrency=7)
    engine.wait(hours=5)
    assert failed(engine, uid) == 7


def test_five_in_a_row_with_one_cause_stop_new_starts() -> None:
    engine, uid = fleet(range(3, 13))
    engine.wait(hours=5)
    assert failed(engine, uid) == 5
    assert "5 clusters in a row have failed with UpgradeFailed" in stopped(engine, uid)


def test_a_success_among_them_does_not() -> None:
    engine, uid = fleet([2, 3, 4, 5, 7, 8, 9, 10])
    engine.wait(hours=8)
    assert failed(engine, uid) == 8
    assert not stopped(engine, uid)
    assert not engine.told(Kind.STEP_HELD)


def test_prep_has_no_breaker() -> None:
    engine = InMemoryEngine(*(f"site-{n}" for n in range(1, 9)))
    for spoke in engine.spokes.values():
        spoke.faults[Stage.PREP] = "fail"
    uid = engine.apply(ibgu("a", "Prep", concurrency=1))
    engine.wait(hours=5)
    assert failed(engine, uid) == 8


def test_members_that_were_not_armed_do_not_count() -> None:
    """They are in another state, and say nothing about the seed."""
    engine = InMemoryEngine(*(f"site-{n}" for n in range(1, 9)))
    for spoke in engine.spokes.values():
        engine.labels[spoke.name]["lcm.openshift.io/ibgu-prep-completed"] = ""
    uid = engine.apply(ibgu("a", "Upgrade", concurrency=1))
    engine.wait(hours=5)
    assert failed(engine, uid) == 8


def test_clusters_already_upgraded_do_not_count_as_success() -> None:
    engine, uid = fleet(range(3, 13))
    for name in ("site-1", "site-2"):
        engine.spokes[name].to("Upgrade")
    engine.wait(hours=5)
    assert "the first 5" in stopped(engine, uid)


def test_timeouts_count_as_failures() -> None:
    engine, uid = fleet([], count=12)
    for spoke in engine.spokes.values():
        spoke.faults[Stage.UPGRADE] = "hang"
    engine.wait(hours=33)
    assert failed(engine, uid) == 5
    assert stopped(engine, uid)


def test_a_larger_window_needs_a_tenth_of_it() -> None:
    engine, uid = fleet(range(1, 61), count=60, concurrency=60)
    engine.wait(minutes=3)
    assert failed(engine, uid) == 60


def test_a_person_resumes_and_the_old_failures_count_no_more() -> None:
    engine, uid = fleet(range(1, 13))
    engine.wait(hours=3)
    engine.annotate(uid, resume="1")
    engine.wait(hours=3)
    assert failed(engine, uid) == 10
    assert stopped(engine, uid)
    assert engine.told(Kind.CONTROL) == [
        "ibgu.dev/resume=1: goes on after: the first 5 clusters of this step have all failed"
    ]
    engine.annotate(uid, resume="2")
    engine.wait(hours=3)
    assert failed(engine, uid) == 12
    assert engine.tracked(uid).rollout.completed_at is not None


@pytest.mark.parametrize("late", [False, True])
def test_switching_off_the_breaker_releases_a_held_step(late: bool) -> None:
    engine, uid = fleet(range(1, 13))
    if late:
        engine.wait(hours=3)
        assert stopped(engine, uid)
    engine.annotate(uid, circuit_breaker="off")
    engine.wait(hours=5)
    assert failed(engine, uid) == 12


def test_the_clock_stands_while_it_holds() -> None:
    engine, uid = fleet(range(1, 13))
    engine.drive(timedelta(days=3))
    step = engine.tracked(uid).steps[0]
    assert step.unfinished == 7
    assert step.step.stopped_since is not None
    engine.annotate(uid, resume="1")
    engine.wait(minutes=3)
    assert failed(engine, uid) == 7


def test_the_circuit_breaker_is_reported_though_a_policy_keeps_the_others() -> None:
    """A person may resume it before the next window opens."""
    engine, uid = fleet(range(1, 6), concurrency=5)
    minute = {"cron": "0 0 * * *", "durationMinutes": 1, "timeZone": "UTC"}
    set_policies(engine, policy("nights", windows=[minute]))
    engine.wait(hours=8)
    assert failed(engine, uid) == 5
    assert stopped(engine, uid)
    assert engine.told(Kind.STEP_HELD) == engine.warnings()
    engine.annotate(uid, resume="fixed")
    engine.wait(hours=18)
    assert engine.tracked(uid).steps[0].counts[Outcome.SUCCEEDED] == 5


def test_the_circuit_breaker_is_turned_off_a_second_time() -> None:
    engine, uid = fleet(range(1, 13))
    engine.annotate(uid, circuit_breaker="off")
    engine.wait(minutes=5)
    found = engine.ibgus[uid]
    engine.apply(replace(found, metadata=replace(found.metadata, annotations={})))
    engine.wait(hours=3)
    assert failed(engine, uid) == 5
    assert stopped(engine, uid)
    engine.annotate(uid, circuit_breaker="off")
    engine.wait(hours=10)
    assert failed(engine, uid) == 12
    assert engine.told(Kind.CONTROL)[1:2] == [
        "ibgu.dev/circuit-breaker: removed, so that the circuit breaker holds again"
    ]

"""R19: a bad seed must not go through a fleet."""

from datetime import timedelta

import pytest

from ibgu.core.drivers.ibu.actions import Stage
from ibgu.core.model import Kind, Outcome, ReasonKind
from tests.core.engine.decide.fleet import InMemoryEngine, ibgu


def fleet(
    bad: range | list[int], count: int = 12, concurrency: int = 1
) -> tuple[InMemoryEngine, str]:
    twin = InMemoryEngine(*(f"site-{n}" for n in range(1, count + 1)))
    for n, spoke in enumerate(twin.spokes.values(), 1):
        spoke.to("Prep")
        twin.labels[spoke.name]["lcm.openshift.io/ibgu-prep-completed"] = ""
        spoke.faults[Stage.UPGRADE] = "fail" if n in bad else ""
    return twin, twin.apply(ibgu("a", "Upgrade", concurrency=concurrency, timeout=2000))


def failed(twin: InMemoryEngine, uid: str) -> int:
    return twin.tracked(uid).steps[0].counts[Outcome.FAILED]


def stopped(twin: InMemoryEngine, uid: str) -> str:
    hold = twin.tracked(uid).steps[0].step.hold
    return hold.message if hold is not None and hold.kind is ReasonKind.CIRCUIT_BREAKER else ""


def test_the_first_five_failures_stop_new_starts() -> None:
    twin, uid = fleet(range(1, 13))
    twin.wait(hours=5)
    assert failed(twin, uid) == 5
    assert "the first 5 clusters of this step have all failed" in stopped(twin, uid)
    assert "ibgu.dev/resume" in stopped(twin, uid)
    assert twin.told(Kind.STEP_HELD) == twin.warnings()


def test_the_circuit_breaker_does_not_stop_runs_in_flight() -> None:
    twin, uid = fleet(range(1, 13), concurrency=7)
    twin.wait(hours=5)
    assert failed(twin, uid) == 7


def test_five_in_a_row_with_one_cause_stop_new_starts() -> None:
    twin, uid = fleet(range(3, 13))
    twin.wait(hours=5)
    assert failed(twin, uid) == 5
    assert "5 clusters in a row have failed with UpgradeFailed" in stopped(twin, uid)


def test_a_success_among_them_does_not() -> None:
    twin, uid = fleet([2, 3, 4, 5, 7, 8, 9, 10])
    twin.wait(hours=8)
    assert failed(twin, uid) == 8
    assert not stopped(twin, uid)
    assert not twin.told(Kind.STEP_HELD)


def test_prep_has_no_breaker() -> None:
    twin = InMemoryEngine(*(f"site-{n}" for n in range(1, 9)))
    for spoke in twin.spokes.values():
        spoke.faults[Stage.PREP] = "fail"
    uid = twin.apply(ibgu("a", "Prep", concurrency=1))
    twin.wait(hours=5)
    assert failed(twin, uid) == 8


def test_members_that_were_not_armed_do_not_count() -> None:
    """They are in another state, and say nothing about the seed."""
    twin = InMemoryEngine(*(f"site-{n}" for n in range(1, 9)))
    for spoke in twin.spokes.values():
        twin.labels[spoke.name]["lcm.openshift.io/ibgu-prep-completed"] = ""
    uid = twin.apply(ibgu("a", "Upgrade", concurrency=1))
    twin.wait(hours=5)
    assert failed(twin, uid) == 8


def test_clusters_already_upgraded_do_not_count_as_success() -> None:
    twin, uid = fleet(range(3, 13))
    for name in ("site-1", "site-2"):
        twin.spokes[name].to("Upgrade")
    twin.wait(hours=5)
    assert "the first 5" in stopped(twin, uid)


def test_timeouts_count_as_failures() -> None:
    twin, uid = fleet([], count=12)
    for spoke in twin.spokes.values():
        spoke.faults[Stage.UPGRADE] = "hang"
    twin.wait(hours=33)
    assert failed(twin, uid) == 5
    assert stopped(twin, uid)


def test_a_larger_window_needs_a_tenth_of_it() -> None:
    twin, uid = fleet(range(1, 61), count=60, concurrency=60)
    twin.wait(minutes=3)
    assert failed(twin, uid) == 60


def test_a_person_resumes_and_the_old_failures_count_no_more() -> None:
    twin, uid = fleet(range(1, 13))
    twin.wait(hours=3)
    twin.annotate(uid, resume="1")
    twin.wait(hours=3)
    assert failed(twin, uid) == 10
    assert stopped(twin, uid)
    twin.annotate(uid, resume="2")
    twin.wait(hours=3)
    assert failed(twin, uid) == 12
    assert twin.tracked(uid).rollout.completed_at is not None


@pytest.mark.parametrize("late", [False, True])
def test_switching_off_the_breaker_releases_a_held_step(late: bool) -> None:
    twin, uid = fleet(range(1, 13))
    if late:
        twin.wait(hours=3)
        assert stopped(twin, uid)
    twin.annotate(uid, circuit_breaker="off")
    twin.wait(hours=5)
    assert failed(twin, uid) == 12


def test_the_clock_stands_while_it_holds() -> None:
    twin, uid = fleet(range(1, 13))
    twin.drive(timedelta(days=3))
    step = twin.tracked(uid).steps[0]
    assert step.unfinished == 7
    assert step.step.stopped_since is not None
    twin.annotate(uid, resume="1")
    twin.wait(minutes=3)
    assert failed(twin, uid) == 7

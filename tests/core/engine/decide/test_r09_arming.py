"""R9: a run arms the stage once; accepted, it is disarmed."""

from datetime import timedelta

import pytest

from ibgu.core.drivers.ibu.actions import Stage
from ibgu.core.engine.decide.context import DecisionContext
from ibgu.core.engine.decide.member.probing import fresh
from ibgu.core.engine.timing.times import ACCEPT_TIMEOUT, READY_FRESH
from ibgu.core.model import Kind, Outcome, ReasonKind, RunResult, RunState, Waiting
from tests.core.engine.decide.arming import arming, run_of, vanish
from tests.core.engine.decide.fleet import InMemoryEngine, ibgu
from tests.core.engine.decide.spoke import told

STEPS = [Kind.RUN_INTENDED, Kind.RUN_ARMING, Kind.RUN_ARMED, Kind.RUN_ACCEPTED]


def test_a_run_is_disarmed_in_the_turn_after_it_is_accepted() -> None:
    twin, uid = arming()
    twin.deliver()
    assert twin.works[uid, "site-1"].wanted.armed
    twin.turn()
    assert run_of(twin, uid).state is RunState.ACCEPTED
    twin.deliver()
    assert not twin.works[uid, "site-1"].wanted.armed
    assert twin.spokes["site-1"].stage is Stage.PREP


def test_the_hub_shows_it_armed_before_the_cluster_takes_it() -> None:
    twin, uid = arming()
    twin.frozen.add("site-1")
    twin.settle()
    assert run_of(twin, uid).state is RunState.ARMED
    assert run_of(twin, uid).armed_at == twin.now
    assert [kind for kind in twin.kinds("site-1") if kind in STEPS] == STEPS[:3]
    assert twin.member(uid, 0, "site-1").reason.kind is ReasonKind.ARMING


def test_a_reachable_cluster_that_takes_its_time_is_waited_for() -> None:
    twin, uid = arming()
    twin.frozen.add("site-1")
    twin.wait(minutes=20)
    assert run_of(twin, uid).state is RunState.ARMED
    twin.frozen.clear()
    twin.wait(minutes=5)
    assert twin.member(uid, 0, "site-1").outcome is Outcome.SUCCEEDED


def test_a_lost_write_is_requested_again() -> None:
    twin, uid = arming()
    twin.writes.clear()
    twin.touch(uid, "site-1")
    twin.wait(minutes=5)
    assert twin.member(uid, 0, "site-1").outcome is Outcome.SUCCEEDED
    assert run_of(twin, uid).attempt == 1


@pytest.mark.parametrize("seconds", [0, 61])
def test_an_abort_never_waits_for_an_unreachable_cluster(seconds: int) -> None:
    twin, uid = arming("Abort")
    vanish(twin)
    twin.wait(seconds=seconds)
    assert run_of(twin, uid).result is RunResult.WITHDRAWN


def test_an_abort_without_echo_is_withdrawn_after_a_minute_and_probed_again() -> None:
    twin, uid = arming("Abort")
    twin.frozen.add("site-1")
    twin.drive(ACCEPT_TIMEOUT)
    member = twin.member(uid, 0, "site-1")
    assert run_of(twin, uid).result is RunResult.WITHDRAWN
    assert member.reason.kind is ReasonKind.PROBING
    twin.frozen.clear()
    twin.wait(minutes=5)
    member = twin.member(uid, 0, "site-1")
    assert (member.outcome, member.attempts) == (Outcome.SUCCEEDED, 2)


def test_after_a_clock_that_was_set_back_nothing_stays_armed_for_as_long() -> None:
    """The run was armed at a time that is still to come: nobody can tell how long that is ago."""
    twin, uid = arming()
    twin.muted.add("site-1")
    twin.until(Kind.RUN_ARMED)
    twin.spokes["site-1"].dark = True
    twin.now -= timedelta(hours=3)
    twin.restart()
    twin.turn()
    assert run_of(twin, uid).result is RunResult.WITHDRAWN


def test_an_abort_is_withdrawn_at_the_first_refusal() -> None:
    """Between look and arming the cluster has pivoted: Idle would finalize it there."""
    twin, uid = arming("Abort")
    spoke = twin.spokes["site-1"]
    spoke.to("Upgrade")
    del spoke.conditions["UpgradeCompleted"]
    spoke.conditions["UpgradeInProgress"] = told("True", "InProgress")
    twin.now += timedelta(seconds=1)
    twin.deliver()
    twin.settle()
    member = twin.member(uid, 0, "site-1")
    assert run_of(twin, uid).result is RunResult.WITHDRAWN
    assert not twin.works[uid, "site-1"].wanted.armed
    assert spoke.executed == []
    assert member.reason.kind is ReasonKind.BUSY


def test_an_abort_arms_only_on_a_fresh_probe() -> None:
    twin = InMemoryEngine("site-1", "site-2")
    for spoke in twin.spokes.values():
        spoke.to("Prep")
    uid = twin.apply(ibgu("a", "Abort", concurrency=1))
    twin.wait(hours=1)
    assert twin.member(uid, 0, "site-2").outcome is Outcome.SUCCEEDED
    probes, second = twin.times(Kind.PROBED), twin.times(Kind.RUN_ARMING)[1]
    assert len(probes) == 3
    assert second - probes[-1] <= READY_FRESH
    assert second - probes[0] > READY_FRESH


@pytest.mark.parametrize(("seconds", "probes"), [(5, 1), (30, 1), (59, 1), (90, 2)])
def test_a_cluster_that_answers_slowly_is_aborted(seconds: int, probes: int) -> None:
    """The ten seconds count from the answer (decision 120)."""
    twin = InMemoryEngine("site-1")
    twin.spokes["site-1"].to("Prep")
    uid = twin.apply(ibgu("a", "Abort"))
    twin.until(Kind.PROBED)
    twin.muted.add("site-1")
    twin.drive(timedelta(seconds=seconds))
    twin.muted.clear()
    twin.drive()
    assert twin.member(uid, 0, "site-1").outcome is Outcome.SUCCEEDED
    assert len(twin.times(Kind.PROBED)) == probes


@pytest.mark.parametrize(("minutes", "young"), [(0, True), (1, False), (-20, False)])
def test_a_clock_that_was_set_back_makes_no_probe_fresh(minutes: int, *, young: bool) -> None:
    twin = InMemoryEngine("site-1", "site-2")
    for spoke in twin.spokes.values():
        spoke.to("Prep")
    uid = twin.apply(ibgu("a", "Abort", concurrency=1))
    twin.until(Kind.RUN_ARMING)
    twin.frozen.add("site-1")
    twin.settle()
    waits = twin.member(uid, 0, "site-2")
    assert isinstance(waits, Waiting)
    assert waits.reason.kind is ReasonKind.READY
    now = twin.now + timedelta(minutes=minutes)
    assert (
        fresh(DecisionContext(twin.snapshot(twin.tracked(uid)), now, twin.fleet.apply), waits)
        is young
    )

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
    engine, uid = arming()
    engine.deliver()
    assert engine.works[uid, "site-1"].wanted.armed
    engine.turn()
    assert run_of(engine, uid).state is RunState.ACCEPTED
    engine.deliver()
    assert not engine.works[uid, "site-1"].wanted.armed
    assert engine.spokes["site-1"].stage is Stage.PREP


def test_the_hub_shows_it_armed_before_the_cluster_takes_it() -> None:
    engine, uid = arming()
    engine.frozen.add("site-1")
    engine.settle()
    assert run_of(engine, uid).state is RunState.ARMED
    assert run_of(engine, uid).armed_at == engine.now
    assert [kind for kind in engine.kinds("site-1") if kind in STEPS] == STEPS[:3]
    assert engine.member(uid, 0, "site-1").reason.kind is ReasonKind.ARMING


def test_a_reachable_cluster_that_takes_its_time_is_waited_for() -> None:
    engine, uid = arming()
    engine.frozen.add("site-1")
    engine.wait(minutes=20)
    assert run_of(engine, uid).state is RunState.ARMED
    engine.frozen.clear()
    engine.wait(minutes=5)
    assert engine.member(uid, 0, "site-1").outcome is Outcome.SUCCEEDED


def test_a_lost_write_is_requested_again() -> None:
    engine, uid = arming()
    engine.writes.clear()
    engine.touch(uid, "site-1")
    engine.wait(minutes=5)
    assert engine.member(uid, 0, "site-1").outcome is Outcome.SUCCEEDED
    assert run_of(engine, uid).attempt == 1


@pytest.mark.parametrize("seconds", [0, 61])
def test_an_abort_never_waits_for_an_unreachable_cluster(seconds: int) -> None:
    engine, uid = arming("Abort")
    vanish(engine)
    engine.wait(seconds=seconds)
    assert run_of(engine, uid).result is RunResult.WITHDRAWN


def test_an_abort_without_echo_is_withdrawn_after_a_minute_and_probed_again() -> None:
    engine, uid = arming("Abort")
    engine.frozen.add("site-1")
    engine.drive(ACCEPT_TIMEOUT)
    member = engine.member(uid, 0, "site-1")
    assert run_of(engine, uid).result is RunResult.WITHDRAWN
    assert member.reason.kind is ReasonKind.PROBING
    engine.frozen.clear()
    engine.wait(minutes=5)
    member = engine.member(uid, 0, "site-1")
    assert (member.outcome, member.attempts) == (Outcome.SUCCEEDED, 2)


def test_after_a_clock_that_was_set_back_nothing_stays_armed_for_as_long() -> None:
    """The run was armed at a time that is still to come: nobody can tell how long that is ago."""
    engine, uid = arming()
    engine.muted.add("site-1")
    engine.until(Kind.RUN_ARMED)
    engine.spokes["site-1"].dark = True
    engine.now -= timedelta(hours=3)
    engine.restart()
    engine.turn()
    assert run_of(engine, uid).result is RunResult.WITHDRAWN


def test_an_abort_is_withdrawn_at_the_first_refusal() -> None:
    """Between look and arming the cluster has pivoted: Idle would finalize it there."""
    engine, uid = arming("Abort")
    spoke = engine.spokes["site-1"]
    spoke.to("Upgrade")
    del spoke.conditions["UpgradeCompleted"]
    spoke.conditions["UpgradeInProgress"] = told("True", "InProgress")
    engine.now += timedelta(seconds=1)
    engine.deliver()
    engine.settle()
    member = engine.member(uid, 0, "site-1")
    assert run_of(engine, uid).result is RunResult.WITHDRAWN
    assert not engine.works[uid, "site-1"].wanted.armed
    assert spoke.executed == []
    assert member.reason.kind is ReasonKind.BUSY


def test_an_abort_arms_only_on_a_fresh_probe() -> None:
    engine = InMemoryEngine("site-1", "site-2")
    for spoke in engine.spokes.values():
        spoke.to("Prep")
    uid = engine.apply(ibgu("a", "Abort", concurrency=1))
    engine.wait(hours=1)
    assert engine.member(uid, 0, "site-2").outcome is Outcome.SUCCEEDED
    probes, second = engine.times(Kind.PROBED), engine.times(Kind.RUN_ARMING)[1]
    assert len(probes) == 3
    assert second - probes[-1] <= READY_FRESH
    assert second - probes[0] > READY_FRESH


@pytest.mark.parametrize(("seconds", "probes"), [(5, 1), (30, 1), (59, 1), (90, 2)])
def test_a_cluster_that_answers_slowly_is_aborted(seconds: int, probes: int) -> None:
    """The ten seconds count from the answer (decision 120)."""
    engine = InMemoryEngine("site-1")
    engine.spokes["site-1"].to("Prep")
    uid = engine.apply(ibgu("a", "Abort"))
    engine.until(Kind.PROBED)
    engine.muted.add("site-1")
    engine.drive(timedelta(seconds=seconds))
    engine.muted.clear()
    engine.drive()
    assert engine.member(uid, 0, "site-1").outcome is Outcome.SUCCEEDED
    assert len(engine.times(Kind.PROBED)) == probes


@pytest.mark.parametrize(("minutes", "young"), [(0, True), (1, False), (-20, False)])
def test_a_clock_that_was_set_back_makes_no_probe_fresh(minutes: int, *, young: bool) -> None:
    engine = InMemoryEngine("site-1", "site-2")
    for spoke in engine.spokes.values():
        spoke.to("Prep")
    uid = engine.apply(ibgu("a", "Abort", concurrency=1))
    engine.until(Kind.RUN_ARMING)
    engine.frozen.add("site-1")
    engine.settle()
    waits = engine.member(uid, 0, "site-2")
    assert isinstance(waits, Waiting)
    assert waits.reason.kind is ReasonKind.READY
    now = engine.now + timedelta(minutes=minutes)
    assert (
        fresh(DecisionContext(engine.snapshot(engine.tracked(uid)), now, engine.fleet.apply), waits)
        is young
    )

"""R9: a run that is not taken in time is withdrawn, and may come back."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from msgspec.structs import replace

from ibgu.core.drivers.ibu.actions import Stage
from ibgu.core.engine.state.snapshot import PayloadState
from ibgu.core.engine.timing.times import ACCEPT_TIMEOUT
from ibgu.core.model import Cause, Kind, MemberState, Outcome, ReasonKind, RunResult
from ibgu.core.plan.tenancy import Scope
from tests.core.engine.decide.arming import arming, return_, run_of, taken_but_unheard, vanish
from tests.core.engine.decide.fleet import InMemoryEngine, ibgu
from tests.core.engine.decide.fleets import prepared
from tests.core.engine.decide.invariants import Invariants


def test_a_run_without_echo_is_withdrawn_after_an_unreachable_minute() -> None:
    engine, uid = arming("Prep", "site-1", "site-2")
    vanish(engine)
    engine.drive(ACCEPT_TIMEOUT - timedelta(seconds=1))
    assert run_of(engine, uid).open
    engine.wait(seconds=1)
    member = engine.member(uid, 0, "site-1")
    assert run_of(engine, uid).result is RunResult.WITHDRAWN
    assert (member.state, member.slot) == (MemberState.WAITING, None)
    assert member.reason.kind is ReasonKind.UNREACHABLE
    assert not engine.works[uid, "site-1"].wanted.armed
    assert engine.labels["site-1"] == {}
    engine.wait(minutes=5)
    assert engine.member(uid, 0, "site-2").outcome is Outcome.SUCCEEDED


def test_the_minute_is_one_in_which_somebody_would_have_seen_the_echo() -> None:
    """ibgu was away, and the cluster may just have taken it and be rebooting."""
    engine, uid = arming("Prep", "site-1")
    vanish(engine)
    engine.now += 5 * ACCEPT_TIMEOUT
    engine.facts = replace(engine.facts, in_sync_since=engine.now)
    engine.touch_everything()
    engine.settle()
    assert run_of(engine, uid).open
    engine.drive(ACCEPT_TIMEOUT)
    assert run_of(engine, uid).result is RunResult.WITHDRAWN


def test_a_withdrawn_member_starts_again_when_the_cluster_is_back() -> None:
    engine, uid = arming()
    vanish(engine)
    engine.wait(minutes=10)
    return_(engine)
    engine.wait(minutes=5)
    member = engine.member(uid, 0, "site-1")
    assert member.outcome is Outcome.SUCCEEDED
    assert member.attempts == 2


def test_a_withdrawn_run_is_reopened_by_its_echo() -> None:
    engine, uid = arming()
    taken_but_unheard(engine)
    first = run_of(engine, uid)
    return_(engine)
    engine.wait(seconds=1)
    assert Kind.RUN_REOPENED in engine.kinds("site-1")
    assert run_of(engine, uid).id == first.id
    assert run_of(engine, uid).armed_at == first.arming_at
    engine.wait(minutes=5)
    member = engine.member(uid, 0, "site-1")
    assert (member.outcome, member.attempts) == (Outcome.SUCCEEDED, 1)


def test_a_withdrawn_prep_keeps_its_payload_until_it_is_known_to_have_ended() -> None:
    """The cluster may have taken it, and still pull the seed image with the pull secret."""
    engine, uid = carrying()
    taken_but_unheard(engine)
    engine.wait(minutes=20)
    assert run_of(engine, uid).result is RunResult.WITHDRAWN
    assert (uid, "site-1") in engine.loads
    engine.spokes["site-1"].faults[Stage.PREP] = "slow"
    return_(engine)
    engine.until(Kind.RUN_REOPENED)
    assert (uid, "site-1") in engine.loads
    engine.wait(minutes=70)
    assert engine.member(uid, 0, "site-1").outcome is Outcome.SUCCEEDED
    assert engine.loads == {}


def test_another_rollouts_content_does_not_meet_that_of_a_withdrawn_prep() -> None:
    engine, uid = carrying()
    vanish(engine)
    engine.wait(minutes=5)
    engine.annotate(uid, pause="true")
    engine.settle()
    newer = engine.apply(ibgu("b", "Prep"))
    return_(engine)
    engine.until(Kind.RUN_ACCEPTED)
    engine.settle()
    assert list(engine.loads) == [(newer, "site-1")]


def carrying() -> tuple[InMemoryEngine, str]:
    """A cluster that is about to be armed, and has its payload."""
    engine = InMemoryEngine("site-1")
    Invariants(engine)
    engine.payload = PayloadState(digest="digest")
    uid = engine.apply(ibgu("a", "Prep", concurrency=1))
    engine.until(Kind.RUN_ARMING)
    return engine, uid


def test_a_withdrawn_run_accepted_and_undone_by_hand_is_not_repeated() -> None:
    engine, uid = arming()
    taken_but_unheard(engine)
    first = run_of(engine, uid)
    assert engine.spokes["site-1"].ask(Stage.IDLE, first.id, ("", ""))
    return_(engine)
    engine.wait(minutes=10)
    member = engine.member(uid, 0, "site-1")
    assert (member.outcome, member.cause) == (Outcome.FAILED, Cause.TAKEN_OVER)
    assert (run_of(engine, uid).id, member.attempts) == (first.id, 1)
    assert engine.labels["site-1"] == {}


def test_no_member_starts_until_a_slot_is_free_for_a_reopened_run() -> None:
    engine, uid = arming("Prep", "site-1", "site-2", "site-3")
    engine.spokes["site-1"].faults[Stage.PREP] = "slow"
    engine.spokes["site-2"].faults[Stage.PREP] = "slow"
    taken_but_unheard(engine)
    engine.settle()
    assert engine.member(uid, 0, "site-2").slot == 1
    return_(engine)
    engine.settle()
    assert engine.member(uid, 0, "site-1").reason.kind is ReasonKind.REOPENING
    assert list(engine.tracked(uid).steps[0].reopening) == ["site-1"]
    engine.wait(minutes=61)
    started = [m.cluster for m in engine.tracked(uid).steps[0].members.values() if m.started_at]
    assert started == ["site-1", "site-2", "site-3"]
    assert len(engine.times(Kind.RUN_INTENDED)) == 3
    assert engine.times(Kind.RUN_INTENDED)[2] >= engine.times(Kind.FINISHED)[0]


def test_a_reopened_run_that_fails_gets_its_label() -> None:
    engine, uid = arming()
    engine.spokes["site-1"].faults[Stage.PREP] = "fail"
    taken_but_unheard(engine)
    return_(engine)
    engine.wait(minutes=5)
    assert engine.member(uid, 0, "site-1").outcome is Outcome.FAILED
    assert "lcm.openshift.io/ibgu-prep-failed" in engine.labels["site-1"]


def test_a_cluster_that_somebody_else_holds_is_not_reopened() -> None:
    engine, uid = arming()
    taken_but_unheard(engine)
    engine.apply(ibgu("b", "Abort"))
    engine.settle()
    return_(engine)
    engine.wait(minutes=5)
    assert Kind.RUN_REOPENED not in engine.kinds("site-1")
    assert engine.member(uid, 0, "site-1").outcome is Outcome.CANCELLED


def test_a_cluster_that_vanishes_before_anything_is_armed_gets_nothing() -> None:
    engine, uid = arming()
    engine.now += timedelta(seconds=1)
    engine.restart()
    vanish(engine)
    engine.settle()
    assert run_of(engine, uid).result is RunResult.WITHDRAWN
    assert not any(work.wanted.armed for work in engine.works.values())


def test_a_reopened_run_is_what_a_member_past_its_limit_yields_to() -> None:
    engine, uid = arming("Prep", "site-1", "site-2")
    engine.spokes["site-2"].faults[Stage.PREP] = "hang"
    taken_but_unheard(engine)
    engine.wait(minutes=130)
    assert engine.member(uid, 0, "site-2").outcome is None
    return_(engine)
    engine.settle()
    assert engine.member(uid, 0, "site-2").outcome is Outcome.FAILED
    assert Kind.RUN_REOPENED in engine.kinds("site-1")


def test_a_run_is_not_reopened_in_the_turn_in_which_its_canceller_comes() -> None:
    engine, uid = arming("Prep", "site-1", "site-2")
    engine.spokes["site-2"].faults[Stage.PREP] = "slow"
    taken_but_unheard(engine)
    return_(engine)
    engine.settle()
    newer = engine.apply(ibgu("b", "Abort"))
    engine.turn()
    engine.now += timedelta(hours=2)
    engine.spokes["site-2"].tick(engine.now)
    engine.touched = {newer: {}, uid: {"site-2": None}}
    engine.agents()
    engine.turn()
    assert engine.member(uid, 0, "site-2").outcome is Outcome.SUCCEEDED
    assert engine.member(uid, 0, "site-1").outcome is Outcome.CANCELLED
    assert Kind.RUN_REOPENED not in engine.kinds("site-1")


def mistyped(engine: InMemoryEngine) -> None:
    engine.apply(ibgu("a", "Upgrade", "Prep", timeout=120, generation=2))


def paused(engine: InMemoryEngine) -> None:
    engine.annotate("uid-a", pause="")


def unbound(engine: InMemoryEngine) -> None:
    engine.scope = Scope(sets=())
    engine.touch_everything()


@pytest.mark.parametrize("hold", [mistyped, paused, unbound])
@pytest.mark.parametrize("comes_back", [20, 119])
def test_a_hold_of_new_starts_keeps_no_run_that_its_cluster_took(
    hold: Callable[[InMemoryEngine], None], comes_back: int
) -> None:
    """The cluster is far in its new release; as never started it would miss the next step."""
    engine = prepared(1)
    uid = engine.apply(ibgu("a", "Upgrade", timeout=120))
    engine.until(Kind.RUN_ARMING)
    engine.muted.add("site-1")
    engine.deliver()
    engine.spokes["site-1"].dark = True
    engine.touch_cluster("site-1")
    engine.wait(minutes=3)
    assert engine.member(uid, 0, "site-1").state is MemberState.WAITING
    hold(engine)
    engine.settle()
    engine.wait(minutes=comes_back - 3)
    engine.muted.clear()
    engine.wait(hours=3)
    assert engine.member(uid, 0, "site-1").outcome is Outcome.SUCCEEDED
    assert "lcm.openshift.io/ibgu-upgrade-completed" in engine.labels["site-1"]

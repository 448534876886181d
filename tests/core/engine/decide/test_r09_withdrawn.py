"""R9: a run that is not taken in time is withdrawn, and may come back."""

from datetime import timedelta

from ibgu.core.drivers.ibu.actions import Stage
from ibgu.core.engine.state.snapshot import PayloadState
from ibgu.core.engine.timing.times import ACCEPT_TIMEOUT
from ibgu.core.model import Cause, Kind, MemberState, Outcome, ReasonKind, RunResult
from tests.core.engine.decide.arming import arming, return_, run_of, taken_but_unheard, vanish
from tests.core.engine.decide.fleet import InMemoryEngine, ibgu
from tests.core.engine.decide.invariants import Invariants


def test_a_run_without_echo_is_withdrawn_after_an_unreachable_minute() -> None:
    twin, uid = arming("Prep", "site-1", "site-2")
    vanish(twin)
    twin.drive(ACCEPT_TIMEOUT - timedelta(seconds=1))
    assert run_of(twin, uid).open
    twin.wait(seconds=1)
    member = twin.member(uid, 0, "site-1")
    assert run_of(twin, uid).result is RunResult.WITHDRAWN
    assert (member.state, member.slot) == (MemberState.WAITING, None)
    assert member.reason.kind is ReasonKind.UNREACHABLE
    assert not twin.works[uid, "site-1"].wanted.armed
    assert twin.labels["site-1"] == {}
    twin.wait(minutes=5)
    assert twin.member(uid, 0, "site-2").outcome is Outcome.SUCCEEDED


def test_a_withdrawn_member_starts_again_when_the_cluster_is_back() -> None:
    twin, uid = arming()
    vanish(twin)
    twin.wait(minutes=10)
    return_(twin)
    twin.wait(minutes=5)
    member = twin.member(uid, 0, "site-1")
    assert member.outcome is Outcome.SUCCEEDED
    assert member.attempts == 2


def test_a_withdrawn_run_is_reopened_by_its_echo() -> None:
    twin, uid = arming()
    taken_but_unheard(twin)
    first = run_of(twin, uid)
    return_(twin)
    twin.wait(seconds=1)
    assert Kind.RUN_REOPENED in twin.kinds("site-1")
    assert run_of(twin, uid).id == first.id
    assert run_of(twin, uid).armed_at == first.arming_at
    twin.wait(minutes=5)
    member = twin.member(uid, 0, "site-1")
    assert (member.outcome, member.attempts) == (Outcome.SUCCEEDED, 1)


def test_a_withdrawn_prep_keeps_its_payload_until_it_is_known_to_have_ended() -> None:
    """The cluster may have taken it, and still pull the seed image with the pull secret."""
    twin, uid = carrying()
    taken_but_unheard(twin)
    twin.wait(minutes=20)
    assert run_of(twin, uid).result is RunResult.WITHDRAWN
    assert (uid, "site-1") in twin.loads
    twin.spokes["site-1"].faults[Stage.PREP] = "slow"
    return_(twin)
    twin.until(Kind.RUN_REOPENED)
    assert (uid, "site-1") in twin.loads
    twin.wait(minutes=70)
    assert twin.member(uid, 0, "site-1").outcome is Outcome.SUCCEEDED
    assert twin.loads == {}


def test_another_rollouts_content_does_not_meet_that_of_a_withdrawn_prep() -> None:
    twin, uid = carrying()
    vanish(twin)
    twin.wait(minutes=5)
    twin.annotate(uid, pause="true")
    twin.settle()
    newer = twin.apply(ibgu("b", "Prep"))
    return_(twin)
    twin.until(Kind.RUN_ACCEPTED)
    twin.settle()
    assert list(twin.loads) == [(newer, "site-1")]


def carrying() -> tuple[InMemoryEngine, str]:
    """A cluster that is about to be armed, and has its payload."""
    twin = InMemoryEngine("site-1")
    Invariants(twin)
    twin.payload = PayloadState(digest="digest")
    uid = twin.apply(ibgu("a", "Prep", concurrency=1))
    twin.until(Kind.RUN_ARMING)
    return twin, uid


def test_a_withdrawn_run_accepted_and_undone_by_hand_is_not_repeated() -> None:
    twin, uid = arming()
    taken_but_unheard(twin)
    first = run_of(twin, uid)
    assert twin.spokes["site-1"].ask(Stage.IDLE, first.id, ("", ""))
    return_(twin)
    twin.wait(minutes=10)
    member = twin.member(uid, 0, "site-1")
    assert (member.outcome, member.cause) == (Outcome.FAILED, Cause.TAKEN_OVER)
    assert (run_of(twin, uid).id, member.attempts) == (first.id, 1)
    assert twin.labels["site-1"] == {}


def test_no_member_starts_until_a_slot_is_free_for_a_reopened_run() -> None:
    twin, uid = arming("Prep", "site-1", "site-2", "site-3")
    twin.spokes["site-1"].faults[Stage.PREP] = "slow"
    twin.spokes["site-2"].faults[Stage.PREP] = "slow"
    taken_but_unheard(twin)
    twin.settle()
    assert twin.member(uid, 0, "site-2").slot == 1
    return_(twin)
    twin.settle()
    assert twin.member(uid, 0, "site-1").reason.kind is ReasonKind.REOPENING
    assert list(twin.tracked(uid).steps[0].reopening) == ["site-1"]
    twin.wait(minutes=61)
    started = [m.cluster for m in twin.tracked(uid).steps[0].members.values() if m.started_at]
    assert started == ["site-1", "site-2", "site-3"]
    assert len(twin.times(Kind.RUN_INTENDED)) == 3
    assert twin.times(Kind.RUN_INTENDED)[2] >= twin.times(Kind.FINISHED)[0]


def test_a_reopened_run_that_fails_gets_its_label() -> None:
    twin, uid = arming()
    twin.spokes["site-1"].faults[Stage.PREP] = "fail"
    taken_but_unheard(twin)
    return_(twin)
    twin.wait(minutes=5)
    assert twin.member(uid, 0, "site-1").outcome is Outcome.FAILED
    assert "lcm.openshift.io/ibgu-prep-failed" in twin.labels["site-1"]


def test_a_cluster_that_somebody_else_holds_is_not_reopened() -> None:
    twin, uid = arming()
    taken_but_unheard(twin)
    twin.apply(ibgu("b", "Abort"))
    twin.settle()
    return_(twin)
    twin.wait(minutes=5)
    assert Kind.RUN_REOPENED not in twin.kinds("site-1")
    assert twin.member(uid, 0, "site-1").outcome is Outcome.CANCELLED


def test_a_cluster_that_vanishes_before_anything_is_armed_gets_nothing() -> None:
    twin, uid = arming()
    twin.now += timedelta(seconds=1)
    twin.restart()
    vanish(twin)
    twin.settle()
    assert run_of(twin, uid).result is RunResult.WITHDRAWN
    assert not any(work.wanted.armed for work in twin.works.values())


def test_a_reopened_run_is_what_a_member_past_its_limit_yields_to() -> None:
    twin, uid = arming("Prep", "site-1", "site-2")
    twin.spokes["site-2"].faults[Stage.PREP] = "hang"
    taken_but_unheard(twin)
    twin.wait(minutes=130)
    assert twin.member(uid, 0, "site-2").outcome is None
    return_(twin)
    twin.settle()
    assert twin.member(uid, 0, "site-2").outcome is Outcome.FAILED
    assert Kind.RUN_REOPENED in twin.kinds("site-1")


def test_a_run_is_not_reopened_in_the_turn_in_which_its_canceller_comes() -> None:
    twin, uid = arming("Prep", "site-1", "site-2")
    twin.spokes["site-2"].faults[Stage.PREP] = "slow"
    taken_but_unheard(twin)
    return_(twin)
    twin.settle()
    newer = twin.apply(ibgu("b", "Abort"))
    twin.turn()
    twin.now += timedelta(hours=2)
    twin.spokes["site-2"].tick(twin.now)
    twin.touched = {newer: {}, uid: {"site-2": None}}
    twin.agents()
    twin.turn()
    assert twin.member(uid, 0, "site-2").outcome is Outcome.SUCCEEDED
    assert twin.member(uid, 0, "site-1").outcome is Outcome.CANCELLED
    assert Kind.RUN_REOPENED not in twin.kinds("site-1")

"""R20: while TALM runs nothing begins; what it left behind is held."""

from msgspec.structs import replace

from ibgu.core.engine.state.snapshot import PayloadState
from ibgu.core.model import Kind, MemberState, Outcome, ReasonKind, RolloutState, RunResult
from tests.core.engine.decide.fleet import TALM_RUNS, InMemoryEngine, ibgu
from tests.core.engine.decide.invariants import Invariants


def talm(twin: InMemoryEngine, live: bool) -> None:
    twin.facts = replace(twin.facts, talm_hold=TALM_RUNS if live else "")
    twin.touch_everything()


def test_nothing_begins_while_talm_lives() -> None:
    twin = InMemoryEngine("site-1")
    talm(twin, True)
    uid = twin.apply(ibgu("a", "Prep"))
    twin.wait(hours=1)
    rollout = twin.tracked(uid).rollout
    assert rollout.state is RolloutState.PENDING
    assert rollout.hold is not None
    assert rollout.hold.kind is ReasonKind.TALM
    assert not twin.works
    assert "TALM is running on this hub" in twin.warnings()[0]
    talm(twin, False)
    twin.wait(hours=1)
    assert twin.tracked(uid).rollout.state is RolloutState.COMPLETE
    assert twin.told(Kind.ROLLOUT_RELEASED)


def test_a_changed_talm_hold_is_recorded() -> None:
    twin = InMemoryEngine("site-1")
    talm(twin, True)
    uid = twin.apply(ibgu("a", "Prep"))
    twin.wait(hours=1)
    twin.facts = replace(twin.facts, talm_hold="TALM is running, and the policy is gone")
    twin.touch_everything()
    twin.wait(hours=1)
    hold = twin.tracked(uid).rollout.hold
    assert hold is not None
    assert hold.message == "TALM is running, and the policy is gone"
    assert len(twin.told(Kind.ROLLOUT_HELD)) == 2


def test_waiting_members_are_probed_again_when_talm_is_gone() -> None:
    twin = InMemoryEngine("site-1", "site-2")
    Invariants(twin)
    uid = twin.apply(ibgu("a", "Prep", concurrency=1))
    twin.wait(seconds=30)
    talm(twin, True)
    twin.wait(minutes=5)
    member = twin.member(uid, 0, "site-2")
    assert (member.state, member.probe) == (MemberState.WAITING, None)
    assert member.reason.kind is ReasonKind.TALM
    talm(twin, False)
    twin.wait(minutes=5)
    assert twin.member(uid, 0, "site-2").outcome is Outcome.SUCCEEDED


def test_a_live_talm_does_not_stop_runs_in_flight() -> None:
    twin = InMemoryEngine("site-1")
    uid = twin.apply(ibgu("a", "Prep"))
    twin.wait(seconds=30)
    talm(twin, True)
    twin.wait(minutes=5)
    member = twin.member(uid, 0, "site-1")
    assert member.outcome is Outcome.SUCCEEDED


def test_a_live_talm_withdraws_a_run_that_is_arming() -> None:
    twin = InMemoryEngine("site-1")
    Invariants(twin)
    uid = twin.apply(ibgu("a", "Prep"))
    twin.until(Kind.RUN_ARMING)
    twin.writes.clear()
    talm(twin, True)
    twin.settle()
    member = twin.member(uid, 0, "site-1")
    assert member.run is not None
    assert member.run.result is RunResult.WITHDRAWN
    assert member.reason.kind is ReasonKind.TALM
    assert not any(work.wanted.armed for work in twin.works.values())


def test_a_live_talm_withdraws_an_intended_run() -> None:
    twin = InMemoryEngine("site-1")
    twin.payload = PayloadState(digest="digest")
    uid = twin.apply(ibgu("a", "Prep"))
    twin.until(Kind.RUN_INTENDED)
    talm(twin, True)
    twin.settle()
    run = twin.member(uid, 0, "site-1").run
    assert run is not None
    assert run.result is RunResult.WITHDRAWN


def test_a_chain_does_not_go_on() -> None:
    twin = InMemoryEngine("site-1")
    Invariants(twin)
    uid = twin.apply(ibgu("a", "Prep Upgrade"))
    twin.wait(seconds=30)
    talm(twin, True)
    twin.wait(minutes=5)
    assert [stage for _, stage in twin.spokes["site-1"].executed] == ["Prep"]
    talm(twin, False)
    twin.wait(minutes=30)
    assert twin.member(uid, 0, "site-1").outcome is Outcome.SUCCEEDED


def test_a_rollout_with_talm_leftovers_is_held_until_they_are_gone() -> None:
    twin = InMemoryEngine("site-1")
    uid = ibgu("a", "Prep").metadata.uid
    twin.adoption.add(uid)
    twin.apply(ibgu("a", "Prep"))
    twin.wait(hours=1)
    hold = twin.tracked(uid).rollout.hold
    assert hold is not None
    assert hold.kind is ReasonKind.ADOPTION
    assert not twin.works
    twin.adoption.clear()
    twin.touch(uid)
    twin.wait(hours=1)
    assert twin.tracked(uid).rollout.state is RolloutState.COMPLETE


def test_one_reason_follows_the_other() -> None:
    twin = InMemoryEngine("site-1")
    uid = ibgu("a", "Prep").metadata.uid
    twin.adoption.add(uid)
    talm(twin, True)
    twin.apply(ibgu("a", "Prep"))
    twin.settle()
    talm(twin, False)
    twin.touch(uid)
    twin.settle()
    hold = twin.tracked(uid).rollout.hold
    assert hold is not None
    assert hold.kind is ReasonKind.ADOPTION


def test_an_invalid_plan_is_the_stronger_reason() -> None:
    twin = InMemoryEngine("site-1")
    uid = twin.apply(ibgu("a", "Upgrade", "Prep"))
    twin.settle()
    talm(twin, True)
    twin.settle()
    hold = twin.tracked(uid).rollout.hold
    assert hold is not None
    assert hold.kind is ReasonKind.INVALID_PLAN

"""R20: while TALM runs nothing begins; what it left behind is held."""

from msgspec.structs import replace

from ibgu.core.engine.state.snapshot import PayloadState
from ibgu.core.model import Kind, MemberState, Outcome, ReasonKind, RolloutState, RunResult
from tests.core.engine.decide.fleet import TALM_RUNS, InMemoryEngine, ibgu
from tests.core.engine.decide.invariants import Invariants


def talm(engine: InMemoryEngine, live: bool) -> None:
    engine.facts = replace(engine.facts, talm_hold=TALM_RUNS if live else "")
    engine.touch_everything()


def test_nothing_begins_while_talm_lives() -> None:
    engine = InMemoryEngine("site-1")
    talm(engine, True)
    uid = engine.apply(ibgu("a", "Prep"))
    engine.wait(hours=1)
    rollout = engine.tracked(uid).rollout
    assert rollout.state is RolloutState.PENDING
    assert rollout.hold is not None
    assert rollout.hold.kind is ReasonKind.TALM
    assert not engine.works
    assert "TALM is running on this hub" in engine.warnings()[0]
    talm(engine, False)
    engine.wait(hours=1)
    assert engine.tracked(uid).rollout.state is RolloutState.COMPLETE
    assert engine.told(Kind.ROLLOUT_RELEASED)


def test_a_changed_talm_hold_is_recorded() -> None:
    engine = InMemoryEngine("site-1")
    talm(engine, True)
    uid = engine.apply(ibgu("a", "Prep"))
    engine.wait(hours=1)
    engine.facts = replace(engine.facts, talm_hold="TALM is running, and the policy is gone")
    engine.touch_everything()
    engine.wait(hours=1)
    hold = engine.tracked(uid).rollout.hold
    assert hold is not None
    assert hold.message == "TALM is running, and the policy is gone"
    assert len(engine.told(Kind.ROLLOUT_HELD)) == 2


def test_a_breach_holds_the_ibgus_of_its_namespace_alone() -> None:
    engine = InMemoryEngine("site-1")
    Invariants(engine)
    engine.facts = replace(engine.facts, talm_breaches={"fleet": "TALM has been here"})
    found = ibgu("b", "Prep")
    other = engine.apply(replace(found, metadata=replace(found.metadata, namespace="ran")))
    uid = engine.apply(ibgu("a", "Prep"))
    engine.wait(hours=1)
    assert engine.tracked(other).rollout.state is RolloutState.COMPLETE
    hold = engine.tracked(uid).rollout.hold
    assert hold is not None
    assert (hold.kind, hold.message) == (ReasonKind.TALM, "TALM has been here")
    engine.facts = replace(engine.facts, talm_breaches={})
    engine.touch_everything()
    engine.wait(hours=1)
    assert engine.tracked(uid).rollout.state is RolloutState.COMPLETE


def test_waiting_members_are_probed_again_when_talm_is_gone() -> None:
    engine = InMemoryEngine("site-1", "site-2")
    Invariants(engine)
    uid = engine.apply(ibgu("a", "Prep", concurrency=1))
    engine.wait(seconds=30)
    talm(engine, True)
    engine.wait(minutes=5)
    member = engine.member(uid, 0, "site-2")
    assert (member.state, member.probe) == (MemberState.WAITING, None)
    assert member.reason.kind is ReasonKind.TALM
    talm(engine, False)
    engine.wait(minutes=5)
    assert engine.member(uid, 0, "site-2").outcome is Outcome.SUCCEEDED


def test_a_live_talm_does_not_stop_runs_in_flight() -> None:
    engine = InMemoryEngine("site-1")
    uid = engine.apply(ibgu("a", "Prep"))
    engine.wait(seconds=30)
    talm(engine, True)
    engine.wait(minutes=5)
    member = engine.member(uid, 0, "site-1")
    assert member.outcome is Outcome.SUCCEEDED


def test_a_live_talm_withdraws_a_run_that_is_arming() -> None:
    engine = InMemoryEngine("site-1")
    Invariants(engine)
    uid = engine.apply(ibgu("a", "Prep"))
    engine.until(Kind.RUN_ARMING)
    engine.writes.clear()
    talm(engine, True)
    engine.settle()
    member = engine.member(uid, 0, "site-1")
    assert member.run is not None
    assert member.run.result is RunResult.WITHDRAWN
    assert member.reason.kind is ReasonKind.TALM
    assert not any(work.wanted.armed for work in engine.works.values())


def test_a_live_talm_withdraws_an_intended_run() -> None:
    engine = InMemoryEngine("site-1")
    engine.payload = PayloadState(digest="digest")
    uid = engine.apply(ibgu("a", "Prep"))
    engine.until(Kind.RUN_INTENDED)
    talm(engine, True)
    engine.settle()
    run = engine.member(uid, 0, "site-1").run
    assert run is not None
    assert run.result is RunResult.WITHDRAWN


def test_a_chain_does_not_go_on() -> None:
    engine = InMemoryEngine("site-1")
    Invariants(engine)
    uid = engine.apply(ibgu("a", "Prep Upgrade"))
    engine.wait(seconds=30)
    talm(engine, True)
    engine.wait(minutes=5)
    assert [stage for _, stage in engine.spokes["site-1"].executed] == ["Prep"]
    talm(engine, False)
    engine.wait(minutes=30)
    assert engine.member(uid, 0, "site-1").outcome is Outcome.SUCCEEDED


def test_a_rollout_with_talm_leftovers_is_held_until_they_are_gone() -> None:
    engine = InMemoryEngine("site-1")
    uid = ibgu("a", "Prep").metadata.uid
    engine.adoption.add(uid)
    engine.apply(ibgu("a", "Prep"))
    engine.wait(hours=1)
    hold = engine.tracked(uid).rollout.hold
    assert hold is not None
    assert hold.kind is ReasonKind.ADOPTION
    assert not engine.works
    engine.adoption.clear()
    engine.touch(uid)
    engine.wait(hours=1)
    assert engine.tracked(uid).rollout.state is RolloutState.COMPLETE


def test_one_reason_follows_the_other() -> None:
    engine = InMemoryEngine("site-1")
    uid = ibgu("a", "Prep").metadata.uid
    engine.adoption.add(uid)
    talm(engine, True)
    engine.apply(ibgu("a", "Prep"))
    engine.settle()
    talm(engine, False)
    engine.touch(uid)
    engine.settle()
    hold = engine.tracked(uid).rollout.hold
    assert hold is not None
    assert hold.kind is ReasonKind.ADOPTION


def test_an_invalid_plan_is_the_stronger_reason() -> None:
    engine = InMemoryEngine("site-1")
    uid = engine.apply(ibgu("a", "Upgrade", "Prep"))
    engine.settle()
    talm(engine, True)
    engine.settle()
    hold = engine.tracked(uid).rollout.hold
    assert hold is not None
    assert hold.kind is ReasonKind.INVALID_PLAN

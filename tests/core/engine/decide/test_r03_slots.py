"""R3, R4, R5: a window of maxConcurrency slides over the members, in natural order."""

from datetime import timedelta

from ibgu.core.drivers.ibu.actions import Stage
from ibgu.core.model import Kind, MemberState, OnMember, Outcome
from tests.core.engine.decide.fleet import InMemoryEngine, ibgu
from tests.core.engine.decide.invariants import Invariants


def started(engine: InMemoryEngine) -> list[str]:
    decisions = (said.decision for said in engine.said)
    return [
        d.member.cluster
        for d in decisions
        if isinstance(d, OnMember) and d.kind is Kind.RUN_INTENDED
    ]


def test_at_most_max_concurrency_members_are_in_flight() -> None:
    engine = InMemoryEngine(*(f"site-{n}" for n in range(1, 8)))
    Invariants(engine)
    uid = engine.apply(ibgu("a", "Prep", concurrency=3))
    engine.wait(seconds=10)
    step = engine.tracked(uid).steps[0]
    assert len(step.in_flight) == 3
    assert sorted(step.slots) == [1, 2, 3]
    engine.wait(hours=1)
    assert step.counts[Outcome.SUCCEEDED] == 7


def test_members_start_in_natural_order() -> None:
    engine = InMemoryEngine("site-10", "site-9", "site-2", "site-1")
    uid = engine.apply(ibgu("a", "Prep", concurrency=1))
    engine.wait(hours=1)
    assert started(engine) == ["site-1", "site-2", "site-9", "site-10"]
    positions = {m.cluster: m.position for m in engine.tracked(uid).steps[0].members.values()}
    assert positions == {"site-1": 0, "site-2": 1, "site-9": 2, "site-10": 3}


def test_a_freed_slot_is_taken_in_the_same_turn() -> None:
    engine = InMemoryEngine("site-1", "site-2")
    engine.apply(ibgu("a", "Prep", concurrency=1))
    engine.wait(hours=1)
    assert engine.times(Kind.RUN_INTENDED)[1] == engine.times(Kind.FINISHED)[0]


def test_no_member_waits_for_the_slowest_of_a_batch() -> None:
    engine = InMemoryEngine(*(f"site-{n}" for n in range(1, 7)))
    engine.spokes["site-1"].faults[Stage.PREP] = "slow"
    uid = engine.apply(ibgu("a", "Prep", concurrency=2))
    engine.wait(minutes=10)
    states = [m.state for m in engine.tracked(uid).steps[0].members.values()]
    assert states == [MemberState.IN_FLIGHT] + [MemberState.FINISHED] * 5


def test_a_member_keeps_its_slot_from_the_first_action_to_the_last() -> None:
    engine = InMemoryEngine("site-1", "site-2")
    uid = engine.apply(ibgu("a", "Prep Upgrade", concurrency=1))
    engine.wait(minutes=5)
    assert engine.member(uid, 0, "site-1").slot == 1
    assert engine.member(uid, 0, "site-1").action_index == 1
    assert engine.spokes["site-2"].executed == []


def test_a_failure_skips_the_rest_and_frees_the_slot() -> None:
    engine = InMemoryEngine("site-1", "site-2")
    engine.spokes["site-1"].faults[Stage.PREP] = "fail"
    uid = engine.apply(ibgu("a", "Prep Upgrade", concurrency=1))
    engine.wait(minutes=2)
    member = engine.member(uid, 0, "site-1")
    assert member.outcome is Outcome.FAILED
    assert member.failed_action == "Prep"
    assert [stage for _, stage in engine.spokes["site-1"].executed] == ["Prep"]
    assert engine.member(uid, 0, "site-2").slot == 1


def test_a_member_that_has_done_its_actions_keeps_what_it_did() -> None:
    engine = InMemoryEngine("site-1")
    engine.spokes["site-1"].faults[Stage.UPGRADE] = "fail"
    uid = engine.apply(ibgu("a", "Prep Upgrade FinalizeUpgrade"))
    engine.wait(hours=1)
    member = engine.member(uid, 0, "site-1")
    assert [done.action for done in member.completed] == ["Prep"]
    assert member.failed_action == "Upgrade"
    assert engine.labels["site-1"] == {
        "lcm.openshift.io/ibgu-prep-completed": "",
        "lcm.openshift.io/ibgu-upgrade-failed": "",
    }


def test_an_unreachable_member_does_not_hold_up_those_behind_it() -> None:
    engine = InMemoryEngine("site-1", "site-2")
    engine.spokes["site-1"].dark = True
    uid = engine.apply(ibgu("a", "Prep", concurrency=1))
    engine.wait(minutes=5)
    assert engine.member(uid, 0, "site-2").outcome is Outcome.SUCCEEDED
    engine.spokes["site-1"].dark = False
    engine.touch_cluster("site-1")
    engine.drive(timedelta(minutes=5))
    assert engine.member(uid, 0, "site-1").outcome is Outcome.SUCCEEDED

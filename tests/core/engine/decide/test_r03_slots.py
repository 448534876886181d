"""R3, R4, R5: a window of maxConcurrency slides over the members, in natural order."""

from datetime import timedelta

from ibgu.core.drivers.ibu.actions import Stage
from ibgu.core.model import Kind, MemberState, OnMember, Outcome
from tests.core.engine.decide.fleet import InMemoryEngine, ibgu
from tests.core.engine.decide.invariants import Invariants


def started(twin: InMemoryEngine) -> list[str]:
    decisions = (said.decision for said in twin.said)
    return [
        d.member.cluster
        for d in decisions
        if isinstance(d, OnMember) and d.kind is Kind.RUN_INTENDED
    ]


def test_at_most_max_concurrency_members_are_in_flight() -> None:
    twin = InMemoryEngine(*(f"site-{n}" for n in range(1, 8)))
    Invariants(twin)
    uid = twin.apply(ibgu("a", "Prep", concurrency=3))
    twin.wait(seconds=10)
    step = twin.tracked(uid).steps[0]
    assert len(step.in_flight) == 3
    assert sorted(step.slots) == [1, 2, 3]
    twin.wait(hours=1)
    assert step.counts[Outcome.SUCCEEDED] == 7


def test_members_start_in_natural_order() -> None:
    twin = InMemoryEngine("site-10", "site-9", "site-2", "site-1")
    uid = twin.apply(ibgu("a", "Prep", concurrency=1))
    twin.wait(hours=1)
    assert started(twin) == ["site-1", "site-2", "site-9", "site-10"]
    positions = {m.cluster: m.position for m in twin.tracked(uid).steps[0].members.values()}
    assert positions == {"site-1": 0, "site-2": 1, "site-9": 2, "site-10": 3}


def test_a_freed_slot_is_taken_in_the_same_turn() -> None:
    twin = InMemoryEngine("site-1", "site-2")
    twin.apply(ibgu("a", "Prep", concurrency=1))
    twin.wait(hours=1)
    assert twin.times(Kind.RUN_INTENDED)[1] == twin.times(Kind.FINISHED)[0]


def test_no_member_waits_for_the_slowest_of_a_batch() -> None:
    twin = InMemoryEngine(*(f"site-{n}" for n in range(1, 7)))
    twin.spokes["site-1"].faults[Stage.PREP] = "slow"
    uid = twin.apply(ibgu("a", "Prep", concurrency=2))
    twin.wait(minutes=10)
    states = [m.state for m in twin.tracked(uid).steps[0].members.values()]
    assert states == [MemberState.IN_FLIGHT] + [MemberState.FINISHED] * 5


def test_a_member_keeps_its_slot_from_the_first_action_to_the_last() -> None:
    twin = InMemoryEngine("site-1", "site-2")
    uid = twin.apply(ibgu("a", "Prep Upgrade", concurrency=1))
    twin.wait(minutes=5)
    assert twin.member(uid, 0, "site-1").slot == 1
    assert twin.member(uid, 0, "site-1").action_index == 1
    assert twin.spokes["site-2"].executed == []


def test_a_failure_skips_the_rest_and_frees_the_slot() -> None:
    twin = InMemoryEngine("site-1", "site-2")
    twin.spokes["site-1"].faults[Stage.PREP] = "fail"
    uid = twin.apply(ibgu("a", "Prep Upgrade", concurrency=1))
    twin.wait(minutes=2)
    member = twin.member(uid, 0, "site-1")
    assert member.outcome is Outcome.FAILED
    assert member.failed_action == "Prep"
    assert [stage for _, stage in twin.spokes["site-1"].executed] == ["Prep"]
    assert twin.member(uid, 0, "site-2").slot == 1


def test_a_member_that_has_done_its_actions_keeps_what_it_did() -> None:
    twin = InMemoryEngine("site-1")
    twin.spokes["site-1"].faults[Stage.UPGRADE] = "fail"
    uid = twin.apply(ibgu("a", "Prep Upgrade FinalizeUpgrade"))
    twin.wait(hours=1)
    member = twin.member(uid, 0, "site-1")
    assert [done.action for done in member.completed] == ["Prep"]
    assert member.failed_action == "Upgrade"
    assert twin.labels["site-1"] == {
        "lcm.openshift.io/ibgu-prep-completed": "",
        "lcm.openshift.io/ibgu-upgrade-failed": "",
    }


def test_an_unreachable_member_does_not_hold_up_those_behind_it() -> None:
    twin = InMemoryEngine("site-1", "site-2")
    twin.spokes["site-1"].dark = True
    uid = twin.apply(ibgu("a", "Prep", concurrency=1))
    twin.wait(minutes=5)
    assert twin.member(uid, 0, "site-2").outcome is Outcome.SUCCEEDED
    twin.spokes["site-1"].dark = False
    twin.touch_cluster("site-1")
    twin.drive(timedelta(minutes=5))
    assert twin.member(uid, 0, "site-1").outcome is Outcome.SUCCEEDED

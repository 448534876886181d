"""A decision that would break an invariant of the records is refused, and changes nothing
(R23.7)."""

import pytest

from ibgu.core.drivers.ibu.actions import Action
from ibgu.core.engine.state import FleetState
from ibgu.core.model import CompletedAction, Kind, Member, OnMember, RunState
from ibgu.core.model.transitions import InvariantViolation
from tests.core.engine.decide.invariants import picture
from tests.core.engine.state.records import (
    MINUTE,
    NOW,
    done,
    in_flight,
    member,
    rollout,
    run,
    step,
)
from tests.members import changed_member
from tests.runs import changed

ARMED = run(state=RunState.ENDED, disarmed=False)


def fleet_of(*members: Member) -> FleetState:
    """A rollout with two slots, and a younger one."""
    fleet = FleetState()
    rollouts = [rollout(), rollout("b", created_at=NOW + MINUTE)]
    steps = [step(max_concurrency=2, total=2), step(rollout="uid-b", total=2)]
    fleet.load(rollouts, steps, members, ())
    return fleet


def starting(cluster: str, slot: int, of: str = "a") -> OnMember:
    intended = run(id=f"run-{cluster}-{of}", state=RunState.INTENDED)
    begun = in_flight(cluster, slot=slot, run=intended, rollout=f"uid-{of}")
    return OnMember(Kind.RUN_INTENDED, begun, "")


def refused(fleet: FleetState, decision: OnMember, words: str) -> None:
    before = picture(fleet)
    with pytest.raises(InvariantViolation, match=words):
        fleet.apply(decision)
    assert picture(fleet) == before


@pytest.mark.parametrize("slot", [0, 3])
def test_a_slot_is_within_the_bound(slot: int) -> None:
    words = f"site-1 takes slot {slot} of 2"
    refused(fleet_of(member()), starting("site-1", slot), words)


def test_a_slot_has_one_owner() -> None:
    fleet = fleet_of(in_flight("site-1"), member("site-2"))
    refused(fleet, starting("site-2", 1), "site-2 takes slot 1, which site-1 has")
    fleet.apply(starting("site-2", 2))
    assert fleet.rollouts["uid-a"].steps[0].slots == {1: "site-1", 2: "site-2"}


def test_a_cluster_has_one_claim() -> None:
    fleet = fleet_of(in_flight("site-1"), member("site-1", rollout="uid-b"))
    refused(fleet, starting("site-1", 1, "b"), "takes slot 1, but .*uid-a.* has its claim")
    fleet.apply(OnMember(Kind.IMPORTED, done("site-1"), ""))
    fleet.apply(starting("site-1", 1, "b"))
    assert fleet.claims["uid-site-1"].rollout == "uid-b"


def test_a_member_keeps_its_slot() -> None:
    moved = in_flight("site-1", slot=2, words="goes on")
    refused(fleet_of(in_flight("site-1")), OnMember(Kind.RUN_PROGRESS, moved, ""), "has its claim")


@pytest.mark.parametrize(
    "decision",
    [
        OnMember(Kind.RETURNED, member(run=ARMED), ""),
        OnMember(Kind.FINISHED, done("site-1", run=ARMED), ""),
    ],
    ids=["returned", "finished"],
)
def test_a_slot_is_kept_until_the_run_is_disarmed(decision: OnMember) -> None:
    fleet = fleet_of(in_flight(run=ARMED))
    refused(fleet, decision, "site-1 releases its slot before it is disarmed")
    over = changed_member(decision.member, run=changed(ARMED, disarmed=True))
    fleet.apply(OnMember(decision.kind, over, ""))
    assert fleet.claims == {}


@pytest.mark.parametrize("index", [0, 2])
def test_a_member_is_at_the_action_after_those_that_it_has_completed(index: int) -> None:
    completed = (CompletedAction(Action.PREP, NOW),)
    waits = member(action_index=index, completed=completed)
    decision = OnMember(Kind.ACTION_SKIPPED, waits, "")
    refused(fleet_of(member()), decision, "site-1 has 1 actions completed, and is at the one after")


def test_a_step_takes_no_more_members_than_it_has_started_with() -> None:
    fleet = fleet_of(member("site-1"))
    fleet.apply(OnMember(Kind.JOINED, member("site-2"), ""))
    joining = OnMember(Kind.JOINED, member("site-3"), "")
    refused(fleet, joining, "site-3 joins a step that has all its 2 members")

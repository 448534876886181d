"""A step's aggregates follow from its members' records alone, whatever the order of changes."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from ibgu.core.drivers.ibu.actions import Action
from ibgu.core.engine.state import QUEUED, ActionEnd, TrackedStep
from ibgu.core.model import (
    ActingParty,
    Cause,
    CompletedAction,
    Member,
    MemberState,
    Outcome,
    Reason,
    ReasonKind,
    RunResult,
)
from ibgu.core.model.transitions import InvariantViolation
from tests.core.engine.state.records import (
    MINUTE,
    NOW,
    done,
    failed,
    in_flight,
    member,
    reason,
    run,
    step,
)

SITES = tuple(f"site-{n}" for n in range(1, 7))


def aggregates(tracked: TrackedStep) -> dict[str, Any]:
    return {
        "members": dict(tracked.members),
        "queue": list(tracked.queue),
        "in flight": set(tracked.in_flight),
        "limits": list(tracked.limits),
        "watched": set(tracked.watched),
        "reopening": set(tracked.reopening),
        "kept": {each: list(places) for each, places in tracked.kept.items()},
        "warned": set(tracked.warned),
        "rollback until": dict(tracked.rollback_until),
        "slots": dict(tracked.slots),
        "ends": list(tracked.ends),
        "counts": {key: count for key, count in tracked.counts.items() if count},
        "by_status": {key: count for key, count in tracked.by_status.items() if count},
    }


# -- one by one ----------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", list(ReasonKind))
def test_only_members_that_may_start_are_queued(kind: ReasonKind) -> None:
    tracked = TrackedStep(step(), [member(reason=reason(kind))])
    assert bool(tracked.queue) is (kind in QUEUED)
    assert bool(tracked.reopening) is (kind is ReasonKind.REOPENING)


def test_the_head_of_the_queue_is_in_order_of_position() -> None:
    names = ("site-3", "site-1", "site-4", "site-2")
    tracked = TrackedStep(step(), [member(name) for name in names])
    tracked.put(member("site-2", reason=reason(ReasonKind.BUSY)))
    assert [found.cluster for found in tracked.head(2)] == ["site-1", "site-3"]
    assert [found.cluster for found in tracked.head(9)] == ["site-1", "site-3", "site-4"]


def test_put_answers_the_former_record() -> None:
    tracked = TrackedStep(step())
    first, second = member(), in_flight()
    assert tracked.put(first) is None
    assert tracked.put(second) is first
    assert tracked.members == {"site-1": second}


def test_a_member_in_flight_has_its_slot() -> None:
    tracked = TrackedStep(step(max_concurrency=2), [in_flight(slot=2), member("site-2")])
    assert (list(tracked.in_flight), tracked.slots) == (["site-1"], {2: "site-1"})
    assert list(tracked.free_slots()) == [1]
    assert not tracked.full
    tracked.put(in_flight("site-2", slot=1))
    assert list(tracked.free_slots()) == []
    assert tracked.full


def test_there_are_no_more_slots_than_members() -> None:
    tracked = TrackedStep(step(max_concurrency=10), [member(), member("site-2")])
    assert list(tracked.free_slots()) == [1, 2]


def test_a_slot_changes_hands() -> None:
    tracked = TrackedStep(step(max_concurrency=1), [in_flight(), member("site-2")])
    tracked.put(done("site-1", Action.PREP))
    tracked.put(in_flight("site-2", slot=1))
    assert tracked.slots == {1: "site-2"}


@given(st.lists(st.tuples(st.integers(1, 9), st.booleans()), max_size=60), st.integers(1, 9))
def test_the_lowest_free_slot_is_known_whatever_was_taken_and_freed(
    moves: list[tuple[int, bool]], concurrency: int
) -> None:
    tracked = TrackedStep(
        step(max_concurrency=concurrency), [member(f"site-{n}") for n in range(1, 10)]
    )
    for number, takes in moves:
        slot = next(tracked.free_slots(), None)
        taken = tracked.members[f"site-{number}"].slot
        if takes and taken is None and slot is not None:
            tracked.put(in_flight(f"site-{number}", slot=slot))
        elif not takes:
            tracked.put(member(f"site-{number}"))
        free = [slot for slot in range(1, concurrency + 1) if slot not in tracked.slots]
        assert list(tracked.free_slots()) == free


def test_unprobed_returns_the_next_members_without_a_probe() -> None:
    probing = {"site-2": ReasonKind.PROBING, "site-4": ReasonKind.READY}
    members = [
        member(name, reason=reason(probing.get(name, ReasonKind.SLOT)))
        for name in (f"site-{number}" for number in range(1, 8))
    ]
    tracked = TrackedStep(step(), members)
    assert [found.cluster for found in tracked.unprobed(5)] == ["site-1", "site-3", "site-5"]
    tracked.put(member("site-1", reason=reason(ReasonKind.UNREACHABLE)))
    assert [found.cluster for found in tracked.unprobed(5)] == ["site-3", "site-5", "site-6"]
    assert len(tracked.unprobed(99)) == 4
    tracked.remove("site-3")
    assert [found.cluster for found in tracked.unprobed(3)] == ["site-5"]
    assert TrackedStep(step()).unprobed(3) == []


def test_counts_follow_the_members() -> None:
    cancelled = member("site-4", state=MemberState.FINISHED, outcome=Outcome.CANCELLED)
    members = [member(), in_flight("site-2"), failed("site-3"), cancelled, done("site-5")]
    tracked = TrackedStep(step(), members)
    assert (tracked.unfinished, tracked.not_started, tracked.failed) == (2, 1, 1)
    tracked.remove("site-1")
    assert (tracked.unfinished, tracked.not_started) == (1, 0)


# -- ends, for the circuit breaker
# -------------------------------------------------------------------------


def end(found: Member) -> list[tuple[str, Cause | None]]:
    return [(found.cluster, found.cause) for found in TrackedStep(step(), [found]).ends]


@pytest.mark.parametrize("action", [Action.UPGRADE, Action.ROLLBACK])
@pytest.mark.parametrize("result", [RunResult.FAILED, RunResult.REFUSED, RunResult.LIMIT])
def test_an_armed_upgrade_or_rollback_that_failed_is_an_end(
    action: Action, result: RunResult
) -> None:
    assert end(failed(action=action, result=result)) == [("site-1", Cause.UPGRADE_FAILED)]


@pytest.mark.parametrize(
    "found",
    [
        member(),
        in_flight(run=run(Action.UPGRADE)),
        failed(action=Action.PREP),
        failed(action=Action.FINALIZE_UPGRADE),
        failed(result=RunResult.PREEMPTED),
        failed(result=RunResult.TAKEN_OVER),
        failed(result=RunResult.GONE),
        failed(run=None),
        failed(run=run(Action.UPGRADE, armed_at=None, result=RunResult.LIMIT, ended_at=NOW)),
        failed(run=run(Action.UPGRADE, result=RunResult.LIMIT)),
        done("site-1", Action.PREP, Action.FINALIZE_UPGRADE),
        done("site-1", Action.UPGRADE, note="was already upgraded"),
    ],
    ids=lambda found: "",
)
def test_everything_else_says_nothing_about_the_seed(found: Member) -> None:
    assert end(found) == []


@pytest.mark.parametrize("action", [Action.UPGRADE, Action.ROLLBACK])
def test_a_success_is_an_end_without_a_cause(action: Action) -> None:
    assert end(done("site-1", Action.PREP, action)) == [("site-1", None)]


def test_a_member_with_a_failed_finalize_counts_as_upgraded() -> None:
    completed = (CompletedAction(Action.UPGRADE, NOW),)
    assert end(failed(action=Action.FINALIZE_UPGRADE, completed=completed)) == [("site-1", None)]


def test_ends_are_in_order_of_time_and_then_of_name() -> None:
    members = [
        failed("site-3", at=NOW + MINUTE),
        failed("site-2", at=NOW + 2 * MINUTE),
        failed("site-1", at=NOW + 2 * MINUTE),
    ]
    ends = TrackedStep(step(), members).ends
    assert [found.cluster for found in ends] == ["site-3", "site-1", "site-2"]
    assert ends[0] == ActionEnd(NOW + MINUTE, "site-3", Cause.UPGRADE_FAILED)


# -- in any order --------------------------------------------------------------------------------


def variants(name: str) -> list[Member]:
    """The states that a member can be in; its slot is its own."""
    slot = int(name.rpartition("-")[2])
    return [
        *(member(name, reason=reason(kind)) for kind in (ReasonKind.SLOT, ReasonKind.BUSY)),
        member(name, reason=reason(ReasonKind.REOPENING)),
        member(name, reason=replace(reason(ReasonKind.GATE), gate="RolloutPolicy/hub")),
        in_flight(name, slot=slot),
        in_flight(name, slot=slot, run=run(Action.UPGRADE, id=f"run-{name}")),
        done(name, Action.UPGRADE),
        done(name, Action.PREP),
        failed(name, watched=True),
        failed(name, at=NOW + slot % 2 * MINUTE),
        failed(name, Action.PREP),
    ]


puts = st.lists(st.sampled_from(SITES).flatmap(lambda name: st.sampled_from(variants(name))))


@given(puts)
def test_aggregates_equal_those_of_a_state_rebuilt_from_the_records(
    members: list[Member],
) -> None:
    tracked = TrackedStep(step(), members)
    last = {found.cluster: found for found in members}
    assert aggregates(tracked) == aggregates(TrackedStep(step(), last.values()))


@given(puts, puts)
def test_putting_the_former_records_back_undoes_every_change(
    before: list[Member], after: list[Member]
) -> None:
    tracked = TrackedStep(step(), before)
    known = aggregates(tracked)
    undo = [(found.cluster, tracked.put(found)) for found in after]
    for cluster, former in reversed(undo):
        if former is None:
            tracked.remove(cluster)
        else:
            tracked.put(former)
    assert aggregates(tracked) == known


@given(puts)
def test_a_step_that_was_emptied_keeps_nothing(members: list[Member]) -> None:
    tracked = TrackedStep(step(), members)
    for name in list(tracked.members):
        tracked.remove(name)
    assert not any(aggregates(tracked).values())


def test_records_are_immutable() -> None:
    """A draft that shares them with the committed state can't spoil them."""
    with pytest.raises(AttributeError):
        member().position = 1  # type: ignore[misc]
    assert replace(member(), position=1).position == 1


@pytest.mark.parametrize("index", ["queue", "limits"])
def test_a_member_that_is_not_at_its_place_in_the_order_is_an_error(index: str) -> None:
    """Another one would be taken out, and never start, or never be late."""
    found = member("site-1") if index == "queue" else in_flight("site-1")
    other = member("site-2") if index == "queue" else in_flight("site-2", slot=2)
    tracked = TrackedStep(step(), [found, other])
    del getattr(tracked, index)[0]
    with pytest.raises(InvariantViolation, match="is not where the step's order has it"):
        tracked.put(done("site-1"))


def test_members_that_policies_keep_and_those_in_flight_are_under_policies() -> None:
    gate = Reason(ReasonKind.GATE, NOW, "full", None, ActingParty.CLUSTER, "RolloutPolicy/hub")
    kept = member("site-2", reason=gate)
    tracked = TrackedStep(step(), [member("site-1"), kept, in_flight("site-3"), done("site-4")])
    assert list(tracked.under_policies) == ["site-2", "site-3"]
    assert tracked.kept == {("RolloutPolicy/hub", ActingParty.CLUSTER): [(1, "site-2")]}
    tracked.put(in_flight("site-2", slot=2))
    assert tracked.kept == {}


def test_members_that_gates_keep_until_a_person_acts_are_known_by_their_reason() -> None:
    def kept(who: ActingParty, gate: str = "RolloutPolicy/board") -> Reason:
        return Reason(ReasonKind.GATE, NOW, "not approved", None, who, gate)

    person, ibgu = ActingParty.PERSON, ActingParty.IBGU
    members = [
        member("site-1", reason=kept(person)),
        member("site-2", reason=kept(ibgu)),
        in_flight("site-3", reason=kept(person)),
        in_flight("site-4", slot=2, reason=kept(ibgu)),
        in_flight("site-5", slot=3, reason=kept(person, gate="")),
    ]
    assert list(TrackedStep(step(), members).kept_by_person()) == ["site-1", "site-3"]

"""The world in memory: what a record changes, and that its undo takes all of it back."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from ibgu.core.book import Holder, World
from ibgu.core.model import (
    Action,
    Change,
    Debt,
    Decision,
    Kind,
    Member,
    OnDebt,
    OnMember,
    OnRollout,
    OnStep,
    Preempt,
    Rollout,
    RolloutState,
    Step,
    StepState,
)
from tests.core.book.records import (
    MINUTE,
    NOW,
    done,
    failed,
    in_flight,
    member,
    rollout,
    step,
    world_of,
)
from tests.core.decide.invariants import picture

DEBT = Debt(uid="uid-site-1", cluster="site-1", rollout="uid-a", labels={"k": Change(None, "")})


def put(found: Member) -> OnMember:
    return OnMember(Kind.WAITS, found, "")


def load(rollouts: list[Rollout], steps: list[Step], members: list[Member]) -> World:
    world = World()
    world.load(rollouts, steps, members, [DEBT], ["run-0"])
    return world


# -- filling and asking --------------------------------------------------------------------------


def test_a_world_is_filled_from_the_journals_records() -> None:
    steps = [step(state=StepState.FINISHED), step(index=1)]
    members = [done("site-1", Action.PREP), in_flight("site-1", step=1), member("site-2", step=1)]
    world = load([rollout()], steps, members)
    book = world.books["uid-a"]
    assert [found.step for found in book.steps] == steps
    assert book.current is book.steps[1]
    assert world.holds == {"uid-site-1": Holder("uid-a", 1, "site-1")}
    assert world.debts == {"uid-site-1": DEBT}
    assert world.foreign_runs == {"run-0"}
    assert world.rollouts_of == {"site-1": {"uid-a"}, "site-2": {"uid-a"}}
    assert world.step_of(members[1]) is book.steps[1]


def test_the_current_step_is_the_newest_if_it_is_not_finished() -> None:
    assert world_of(rollout()).books["uid-a"].current is None
    opening = world_of(rollout(), [step(state=StepState.OPENING)]).books["uid-a"]
    assert opening.current is opening.steps[0]
    assert world_of(rollout(), [step(state=StepState.FINISHED)]).books["uid-a"].current is None


def test_members_of_a_rollout() -> None:
    steps = [step(state=StepState.FINISHED), step(index=1)]
    members = [
        failed("site-1", watched=True),
        done("site-2", Action.PREP),
        member("site-2", step=1),
        in_flight("site-3", step=1),
        done("site-4", Action.PREP, step=1),
    ]
    book = load([rollout()], steps, members).books["uid-a"]
    assert [found.cluster for found in book.unfinished()] == ["site-2", "site-3"]
    assert [found.cluster for found in book.watched()] == ["site-1"]
    assert book.latest("site-2") == members[2]
    assert book.latest("site-1") == members[0]
    assert book.latest("site-9") is None


# -- cancellers ----------------------------------------------------------------------------------


def fleet(*rollouts: tuple[str, str]) -> World:
    """Rollouts by name and first action, each a minute younger, all with site-1."""
    found = [rollout(name, created_at=NOW + n * MINUTE) for n, (name, _) in enumerate(rollouts)]
    steps = [step(action, rollout=f"uid-{name}") for name, action in rollouts]
    members = [member(rollout=f"uid-{name}") for name, _ in rollouts]
    return load(found, steps, members)


def canceller(world: World, name: str) -> str:
    found = world.canceller(world.books[f"uid-{name}"].steps[0].members["site-1"])
    return found.name if found else ""


@pytest.mark.parametrize(
    ("second", "by"), [("Abort", "fleet/b"), ("Rollback", "fleet/b"), ("AbortOnFailure", "")]
)
def test_a_newer_rollout_that_begins_with_a_cancelling_action_cancels(second: str, by: str) -> None:
    world = fleet(("a", "Prep"), ("b", second))
    assert canceller(world, "a") == by
    assert world.barred(world.books["uid-a"].rollout) == ({"uid-site-1"} if by else set())


def test_an_older_one_and_oneself_cancel_nothing() -> None:
    world = fleet(("a", "Abort"), ("b", "Prep"))
    assert canceller(world, "a") == ""
    assert canceller(world, "b") == ""
    assert world.barred(world.books["uid-b"].rollout) == set()
    assert world.barred(world.books["uid-a"].rollout) == set()


def test_the_oldest_of_several_newer_ones_is_named() -> None:
    world = fleet(("a", "Prep"), ("b", "Abort"), ("c", "Rollback"))
    assert canceller(world, "a") == "fleet/b"
    assert canceller(world, "b") == "fleet/c"


def test_a_rollout_that_is_forgotten_stays_a_canceller() -> None:
    world = fleet(("a", "Prep"), ("b", "Abort"))
    world.forget("uid-b")
    assert set(world.books) == {"uid-a"}
    assert world.rollouts_of == {"site-1": {"uid-a"}}
    assert canceller(world, "a") == "fleet/b"


# -- holds and requests --------------------------------------------------------------------------


def test_a_slot_is_the_claim_on_the_cluster() -> None:
    world = world_of(rollout(), [step()], [member()])
    world.apply(put(in_flight()))
    assert world.holds == {"uid-site-1": Holder("uid-a", 0, "site-1")}
    world.apply(put(done("site-1", Action.PREP)))
    assert world.holds == {}


@pytest.mark.parametrize("after", [in_flight(), done("site-1", Action.PREP)])
def test_a_request_ends_when_the_claim_changes_hands(after: Member) -> None:
    before = member() if after.slot else in_flight()
    world = world_of(rollout(), [step()], [before])
    world.apply(Preempt("site-1", "uid-site-1", "fleet/b"))
    assert world.preempts == {"uid-site-1": "fleet/b"}
    undo = world.apply(put(after))
    assert world.preempts == {}
    undo()
    assert world.preempts == {"uid-site-1": "fleet/b"}


def test_a_request_stays_while_the_member_goes_on() -> None:
    world = world_of(rollout(), [step()], [in_flight()])
    world.apply(Preempt("site-1", "uid-site-1", "fleet/b"))
    undo = world.apply(put(in_flight(words="Precaching")))
    assert world.preempts == {"uid-site-1": "fleet/b"}
    undo()
    assert world.preempts == {"uid-site-1": "fleet/b"}


def test_who_holds_nothing_frees_nobody_elses_claim() -> None:
    """A lost claim: the hold was the other's all along."""
    world = fleet(("a", "Prep"), ("b", "Prep"))
    world.apply(put(in_flight(rollout="uid-a")))
    mine = in_flight(rollout="uid-b")
    undo = world.apply(put(mine))
    world.holds["uid-site-1"] = Holder("uid-a", 0, "site-1")
    world.apply(put(member(rollout="uid-b")))
    assert world.holds == {"uid-site-1": Holder("uid-a", 0, "site-1")}
    undo()
    assert world.holds == {"uid-site-1": Holder("uid-a", 0, "site-1")}


# -- debts ---------------------------------------------------------------------------------------


def test_a_debt_is_there_until_it_is_empty() -> None:
    world = World()
    world.apply(OnDebt(Kind.OWED, DEBT, ""))
    assert world.debts == {"uid-site-1": DEBT}
    undo = world.apply(OnDebt(Kind.SETTLED, replace(DEBT, labels={}), ""))
    assert world.debts == {}
    assert world.owed == {}
    undo()
    assert world.debts == {"uid-site-1": DEBT}


def owed(world: World) -> dict[str, dict[str, None]]:
    """What is kept by cluster, from scratch."""
    found: dict[str, dict[str, None]] = {}
    for debt in world.debts.values():
        found.setdefault(debt.cluster, {})[debt.uid] = None
    return found


# -- undo ----------------------------------------------------------------------------------------


def changed() -> World:
    """Two rollouts, two steps, everybody somewhere."""
    rollouts = [rollout(), rollout("b", created_at=NOW + MINUTE)]
    steps = [step(state=StepState.FINISHED), step("Upgrade", index=1), step(rollout="uid-b")]
    members = [
        done("site-1", Action.PREP),
        failed("site-2", watched=True),
        member("site-1", step=1),
        in_flight("site-3", step=1, slot=3),
        member("site-4", rollout="uid-b"),
    ]
    return load(rollouts, steps, members)


DECISIONS: list[Decision] = [
    OnRollout(Kind.PLAN_ACCEPTED, rollout(state=RolloutState.COMPLETE), ""),
    OnRollout(Kind.ROLLOUT_SEEN, rollout("c", created_at=NOW + 2 * MINUTE), ""),
    OnStep(Kind.STEP_FINISHED, step("Upgrade", index=1, state=StepState.FINISHED), ""),
    OnStep(Kind.STEP_OPENED, step("Abort", index=1, rollout="uid-b"), ""),
    put(in_flight("site-1", step=1)),
    put(done("site-1", Action.UPGRADE, step=1)),
    put(done("site-3", Action.UPGRADE, step=1)),
    put(failed("site-3", step=1, watched=True)),
    put(in_flight("site-4", rollout="uid-b")),
    put(member("site-5", rollout="uid-b")),
    OnDebt(Kind.OWED, replace(DEBT, labels={"k": Change(None, "other")}), ""),
    OnDebt(Kind.SETTLED, replace(DEBT, labels={}), ""),
    OnDebt(Kind.OWED, replace(DEBT, uid="uid-site-2", cluster="site-2"), ""),
    OnDebt(Kind.OWED, replace(DEBT, uid="uid-site-1-again"), ""),
    Preempt("site-3", "uid-site-3", "fleet/b"),
    Preempt("site-4", "uid-site-4", "fleet/c"),
]
CANCELS: list[Decision] = [
    OnStep(Kind.STEP_OPENED, step("Abort", index=1, rollout="uid-b"), ""),
    put(member("site-1", rollout="uid-b", step=1)),
    put(in_flight("site-2", rollout="uid-b", step=1)),
    put(member("site-2", rollout="uid-b", step=1)),
]


@pytest.mark.parametrize("decision", DECISIONS, ids=lambda found: type(found).__name__)
def test_every_decision_can_be_taken_back(decision: Decision) -> None:
    world = changed()
    before = picture(world)
    undo = world.apply(decision)
    assert picture(world) != before
    undo()
    assert picture(world) == before


@given(st.lists(st.sampled_from([*DECISIONS, *CANCELS[1:]]), max_size=12))
def test_any_sequence_can_be_taken_back(decisions: list[Decision]) -> None:
    world = changed()
    world.apply(CANCELS[0])
    before = picture(world)
    with world.draft() as take:
        for decision in decisions:
            take(decision)
        assert owed(world) == world.owed
    assert picture(world) == before
    assert owed(world) == world.owed


@given(st.integers(0, len(CANCELS)))
def test_a_canceller_is_taken_back_with_its_member(count: int) -> None:
    world = changed()
    pictures: list[Any] = []
    undo = []
    for decision in CANCELS[:count]:
        pictures.append(picture(world))
        undo.append(world.apply(decision))
    for before in reversed(pictures):
        undo.pop()()
        assert picture(world) == before


def _fail_in_the_middle(world: World) -> None:
    with world.draft() as take:
        take(put(in_flight("site-1", step=1)))
        raise RuntimeError("in the middle of a turn")


def test_a_draft_is_taken_back_when_it_fails() -> None:
    world = changed()
    before = picture(world)
    with pytest.raises(RuntimeError, match="in the middle"):
        _fail_in_the_middle(world)
    assert picture(world) == before


def test_what_is_over_lets_go_of_everything() -> None:
    world = changed()
    for decision in [*DECISIONS, *CANCELS]:
        world.apply(decision)
    world.foreign_runs.add("run-site-9")
    world.handled.add("uid-gone")
    world.starts.add("uid-a", NOW)
    world.clear()
    assert picture(world) == picture(World())
    left = (world.foreign_runs, world.handled, world.owed, world.rollouts_of)
    assert not any(left)


def test_a_run_that_is_imported_is_foreign_no_more() -> None:
    world = changed()
    world.foreign_runs.add("run-site-3")
    undo = world.apply(put(in_flight("site-3", step=1, slot=3, words="Precaching")))
    assert not world.foreign("run-site-3")
    undo()
    assert world.foreign("run-site-3")


@pytest.mark.parametrize(("run", "foreign"), [("run-0", True), ("run-1", False), ("", True)])
def test_what_the_journal_does_not_know_is_foreign(run: str, *, foreign: bool) -> None:
    assert load([rollout()], [step()], []).foreign(run) == foreign


def test_deleted_rollouts_are_known_also_when_they_are_forgotten() -> None:
    world = World()
    deleted = rollout(uid="gone", state=RolloutState.DELETED, deleted_at=NOW)
    world.load([rollout(uid="here"), deleted], [], [], [])
    assert world.deleted == {"gone"}
    world.forget("gone")
    assert world.deleted == {"gone"}


def test_a_rollout_has_its_namespace() -> None:
    world = world_of(rollout("a"))
    assert world.namespace_of("uid-a") == "fleet"
    assert world.namespace_of("unknown") == ""

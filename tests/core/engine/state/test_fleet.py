"""FleetState: what a record changes, and that its undo reverts all of it."""

from contextlib import suppress
from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import convert
from msgspec.structs import replace

from ibgu.core.drivers.cluster_version.actions import UpdateAction
from ibgu.core.drivers.ibu.actions import Action
from ibgu.core.engine.state import CancellingStep, FleetState, Holder
from ibgu.core.engine.state.policy_limits import Place, PolicyLimits
from ibgu.core.model import (
    Change,
    Decision,
    Kind,
    Member,
    OnMember,
    OnPendingPatch,
    OnRollout,
    OnStep,
    PendingPatch,
    Preempt,
    Rollout,
    RolloutState,
    RunResult,
    RunState,
    Step,
    StepState,
)
from ibgu.core.model.counts import ReportCounts
from ibgu.core.model.names import IBGU
from ibgu.core.model.rollout_policy import RolloutPolicySpec
from ibgu.core.model.start_facts import StartFacts
from ibgu.core.model.transitions import InvariantViolation
from tests.core.engine.decide.builders import unreadable_rollout
from tests.core.engine.decide.invariants import picture
from tests.core.engine.state.records import (
    MINUTE,
    NOW,
    done,
    failed,
    in_flight,
    member,
    rollout,
    run,
    step,
    world_of,
)
from tests.core.engine.state.test_occupancy import view

DEBT = PendingPatch(
    uid="uid-site-1", cluster="site-1", rollout="uid-a", labels={"k": Change(None, "")}
)


def put(found: Member, kind: Kind = Kind.IMPORTED) -> OnMember:
    return OnMember(kind, found, "")


def begin(cluster: str = "site-1", **changes: Any) -> OnMember:
    """The decision that a waiting member takes a slot."""
    intended = run(id=f"run-{cluster}", state=RunState.INTENDED)
    return put(in_flight(cluster, run=intended, **changes), Kind.RUN_INTENDED)


def load(rollouts: list[Rollout], steps: list[Step], members: list[Member]) -> FleetState:
    fleet = FleetState()
    fleet.load(rollouts, steps, members, [DEBT], ["run-0"])
    return fleet


# -- filling and asking --------------------------------------------------------------------------


def test_reports_of_a_cluster_in_several_steps_count_once() -> None:
    later = NOW + MINUTE
    upgraded = [
        done("site-1", Action.UPGRADE, warning="w", rollback_until=later),
        done("site-2", Action.UPGRADE, rollback_until=later),
    ]
    refused = failed("site-1", warning="w", rollback_until=NOW, step=1)
    steps = [step(state=StepState.FINISHED), step("FinalizeUpgrade", index=1)]
    fleet = world_of(rollout(), steps, [*upgraded, refused])
    assert fleet.rollouts["uid-a"].reports == ReportCounts(warned=1, rollback=2, rollback_until=NOW)
    assert world_of(rollout(), steps).rollouts["uid-a"].reports == ReportCounts()


def test_a_world_is_filled_from_the_journals_records() -> None:
    steps = [step(state=StepState.FINISHED), step(index=1)]
    members = [done("site-1", Action.PREP), in_flight("site-1", step=1), member("site-2", step=1)]
    fleet = load([rollout()], steps, members)
    tracked = fleet.rollouts["uid-a"]
    assert [found.step for found in tracked.steps] == steps
    assert tracked.current is tracked.steps[1]
    assert fleet.claims == {"uid-site-1": Holder("uid-a", 1, "site-1")}
    assert fleet.pending_patches == {"uid-site-1": DEBT}
    assert fleet.foreign_runs == {"run-0"}
    assert fleet.rollouts_of == {"site-1": {"uid-a"}, "site-2": {"uid-a"}}
    assert fleet.step_of(members[1]) is tracked.steps[1]


def test_the_current_step_is_the_newest_if_it_is_not_finished() -> None:
    assert world_of(rollout()).rollouts["uid-a"].current is None
    opening = world_of(rollout(), [step(state=StepState.OPENING)]).rollouts["uid-a"]
    assert opening.current is opening.steps[0]
    assert world_of(rollout(), [step(state=StepState.FINISHED)]).rollouts["uid-a"].current is None


def test_members_of_a_rollout() -> None:
    steps = [step(state=StepState.FINISHED), step(index=1)]
    members = [
        failed("site-1", watched=True),
        done("site-2", Action.PREP),
        member("site-2", step=1),
        in_flight("site-3", step=1),
        done("site-4", Action.PREP, step=1),
    ]
    tracked = load([rollout()], steps, members).rollouts["uid-a"]
    assert [found.cluster for found in tracked.unfinished()] == ["site-2", "site-3"]
    assert [found.cluster for found in tracked.watched()] == ["site-1"]
    assert tracked.latest("site-2") == members[2]
    assert tracked.latest("site-1") == members[0]
    assert tracked.latest("site-9") is None


# -- cancellers ----------------------------------------------------------------------------------


def populated(*rollouts: tuple[str, str]) -> FleetState:
    """Rollouts by name and first action, each a minute younger, all with site-1."""
    found = [rollout(name, created_at=NOW + n * MINUTE) for n, (name, _) in enumerate(rollouts)]
    steps = [step(action, rollout=f"uid-{name}") for name, action in rollouts]
    members = [member(rollout=f"uid-{name}") for name, _ in rollouts]
    return load(found, steps, members)


def canceller(fleet: FleetState, name: str) -> str:
    found = fleet.canceller(fleet.rollouts[f"uid-{name}"].steps[0].members["site-1"])
    return found.name if found else ""


@pytest.mark.parametrize(
    ("second", "by"), [("Abort", "fleet/b"), ("Rollback", "fleet/b"), ("AbortOnFailure", "")]
)
def test_a_newer_rollout_that_begins_with_a_cancelling_action_cancels(second: str, by: str) -> None:
    fleet = populated(("a", "Prep"), ("b", second))
    assert canceller(fleet, "a") == by
    assert fleet.barred(fleet.rollouts["uid-a"].rollout) == ({"uid-site-1"} if by else set())


def test_older_rollouts_do_not_cancel_newer_ones() -> None:
    fleet = populated(("a", "Abort"), ("b", "Prep"))
    assert canceller(fleet, "a") == ""
    assert canceller(fleet, "b") == ""
    assert fleet.barred(fleet.rollouts["uid-b"].rollout) == set()
    assert fleet.barred(fleet.rollouts["uid-a"].rollout) == set()


def test_the_oldest_of_several_newer_ones_is_named() -> None:
    fleet = populated(("a", "Prep"), ("b", "Abort"), ("c", "Rollback"))
    assert canceller(fleet, "a") == "fleet/b"
    assert canceller(fleet, "b") == "fleet/c"


def test_a_rollout_that_is_forgotten_stays_a_canceller() -> None:
    fleet = populated(("a", "Prep"), ("b", "Abort"))
    fleet.forget("uid-b")
    assert set(fleet.rollouts) == {"uid-a"}
    assert fleet.rollouts_of == {"site-1": {"uid-a"}}
    assert canceller(fleet, "a") == "fleet/b"


# -- holds and requests --------------------------------------------------------------------------


def test_a_slot_is_the_claim_on_the_cluster() -> None:
    fleet = world_of(rollout(), [step()], [member()])
    fleet.apply(begin())
    assert fleet.claims == {"uid-site-1": Holder("uid-a", 0, "site-1")}
    fleet.apply(put(done("site-1", Action.PREP)))
    assert fleet.claims == {}


def test_a_start_that_is_taken_back_has_recorded_no_labels() -> None:
    fleet = world_of(rollout(), [step()], [in_flight("site-1"), member("site-2")])
    limits = {"perTopology": [{"label": "site", "maximum": 5}]}
    fleet.occupancy.follow((PolicyLimits("sites", convert(limits, RolloutPolicySpec)),))
    unrecorded = partial(fleet.occupancy.unrecorded, lambda name: None)
    assert unrecorded() == {"site-1": None}
    facts = StartFacts({"site": "munich"}, beside={"site-1": None})
    undo = fleet.apply(replace(begin("site-2", slot=2), facts=facts))
    assert unrecorded() == {}
    undo()
    assert unrecorded() == {"site-1": None}


def withdrawn(action: Any, **changes: Any) -> Member:
    """A member that waits after a run that its cluster was not seen to take."""
    ended = {"state": RunState.ENDED, "ended_at": NOW, "result": RunResult.WITHDRAWN, **changes}
    return member(run=run(action, **ended, disarmed=True))


@pytest.mark.parametrize(
    ("left", "taken"),
    [
        (failed(result=RunResult.LIMIT, watched=True), 1),
        (failed(result=RunResult.LIMIT, watched=False), 0),
        (failed(result=RunResult.FAILED, watched=True), 0),
        (failed(action=Action.PREP, result=RunResult.LIMIT, watched=True), 0),
        (done("site-1", Action.UPGRADE), 0),
        (withdrawn(Action.UPGRADE, armed_at=None), 1),
        (withdrawn(Action.UPGRADE, arming_at=None, armed_at=None), 0),
        (withdrawn(UpdateAction.POOLS), 1),
    ],
)
def test_a_dark_cluster_counts_by_the_records_alone(left: Member, taken: int) -> None:
    """So it counts the same before a restart and after it."""
    limits = PolicyLimits("few", convert({"inFlight": 1}, RolloutPolicySpec))
    dark = view("site-1", reachable=False)
    succeeded = {"ended_at": NOW, "result": RunResult.SUCCEEDED, "disarmed": True}
    last = left.run or run(Action.UPGRADE, state=RunState.ENDED, **succeeded)
    fleet = world_of(rollout(), [step()], [in_flight(run=last)])
    loaded = world_of(rollout(), [step()], [left])
    for each in (fleet, loaded):
        each.occupancy.follow((limits,))
    free = partial(fleet.occupancy.free, limits, Place("few"), lambda name: dark)
    undo = fleet.apply(put(left, Kind.FINISHED if left.finished else Kind.RETURNED))
    assert free() == 1 - taken
    assert fleet.occupancy.left == loaded.occupancy.left
    assert loaded.occupancy.free(limits, Place("few"), lambda name: dark) == 1 - taken
    undo()
    assert free() == 0
    assert fleet.occupancy.left == {}


@pytest.mark.parametrize(
    ("before", "decision"),
    [(member(), begin()), (in_flight(), put(done("site-1", Action.PREP)))],
    ids=["taken", "released"],
)
def test_a_request_ends_when_the_claim_changes_hands(before: Member, decision: OnMember) -> None:
    fleet = world_of(rollout(), [step()], [before])
    fleet.apply(Preempt("site-1", "uid-site-1", "fleet/b"))
    assert fleet.preempts == {"uid-site-1": "fleet/b"}
    undo = fleet.apply(decision)
    assert fleet.preempts == {}
    undo()
    assert fleet.preempts == {"uid-site-1": "fleet/b"}


def test_a_request_stays_while_the_member_goes_on() -> None:
    fleet = world_of(rollout(), [step()], [in_flight()])
    fleet.apply(Preempt("site-1", "uid-site-1", "fleet/b"))
    undo = fleet.apply(put(in_flight(words="Precaching"), Kind.RUN_PROGRESS))
    assert fleet.preempts == {"uid-site-1": "fleet/b"}
    undo()
    assert fleet.preempts == {"uid-site-1": "fleet/b"}


def test_a_member_without_a_claim_releases_no_other_claim() -> None:
    """A lost claim: the hold was the other's all along."""
    fleet = populated(("a", "Prep"), ("b", "Prep"))
    fleet.apply(begin(rollout="uid-b"))
    fleet.claims["uid-site-1"] = Holder("uid-a", 0, "site-1")
    undo = fleet.apply(put(done(rollout="uid-b")))
    assert fleet.claims == {"uid-site-1": Holder("uid-a", 0, "site-1")}
    undo()
    assert fleet.claims == {"uid-site-1": Holder("uid-a", 0, "site-1")}


def test_an_unreadable_rollout_keeps_its_claims_and_cancellers() -> None:
    """Such a rollout takes no claim from one that can be read."""
    fleet = populated(("a", "Prep"))
    fleet.apply(begin(rollout="uid-a"))
    canceller = CancellingStep(
        (NOW, "uid-x"), "uid-x", "fleet/x", "fleet", across_namespaces=True, kind=IBGU
    )
    mine = {"uid-site-1": Holder("uid-x", 0, "site-1"), "uid-site-2": Holder("uid-x", 0, "site-2")}
    unreadable = unreadable_rollout(claims=mine, cancellers={"uid-site-1": canceller})
    fleet.keep_claims([unreadable])
    assert {uid: holder.rollout for uid, holder in fleet.claims.items()} == {
        "uid-site-1": "uid-a",
        "uid-site-2": "uid-x",
    }
    assert fleet.cancellers == {"uid-site-1": [canceller]}
    assert unreadable.full_name == "fleet/x"


# -- pending patches -----------------------------------------------------------------------------


def test_a_pending_patch_is_there_until_it_is_empty() -> None:
    fleet = FleetState()
    fleet.apply(OnPendingPatch(Kind.LABELS_PENDING, DEBT, ""))
    assert fleet.pending_patches == {"uid-site-1": DEBT}
    undo = fleet.apply(OnPendingPatch(Kind.LABELS_UPDATED, replace(DEBT, labels={}), ""))
    assert fleet.pending_patches == {}
    assert fleet.pending_uids == {}
    undo()
    assert fleet.pending_patches == {"uid-site-1": DEBT}


def pending_uids(fleet: FleetState) -> dict[str, dict[str, None]]:
    """Returns from scratch what is kept by cluster."""
    found: dict[str, dict[str, None]] = {}
    for pending in fleet.pending_patches.values():
        found.setdefault(pending.cluster, {})[pending.uid] = None
    return found


# -- undo ----------------------------------------------------------------------------------------


def changed() -> FleetState:
    """Two rollouts, two steps, everybody somewhere."""
    rollouts = [rollout(), rollout("b", created_at=NOW + MINUTE)]
    steps = [
        step(state=StepState.FINISHED),
        step("Upgrade", index=1, total=2),
        step(rollout="uid-b", total=2),
    ]
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
    OnStep(Kind.STEP_FINISHED, step("Upgrade", index=1, total=2, state=StepState.FINISHED), ""),
    OnStep(Kind.STEP_OPENED, step("Abort", index=1, rollout="uid-b"), ""),
    begin("site-1", step=1),
    put(done("site-1", Action.UPGRADE, step=1)),
    put(done("site-3", Action.UPGRADE, step=1)),
    put(failed("site-3", step=1, watched=True)),
    begin("site-4", rollout="uid-b"),
    put(member("site-5", rollout="uid-b"), Kind.JOINED),
    OnPendingPatch(Kind.LABELS_PENDING, replace(DEBT, labels={"k": Change(None, "other")}), ""),
    OnPendingPatch(Kind.LABELS_UPDATED, replace(DEBT, labels={}), ""),
    OnPendingPatch(Kind.LABELS_PENDING, replace(DEBT, uid="uid-site-2", cluster="site-2"), ""),
    OnPendingPatch(Kind.LABELS_PENDING, replace(DEBT, uid="uid-site-1-again"), ""),
    Preempt("site-3", "uid-site-3", "fleet/b"),
    Preempt("site-4", "uid-site-4", "fleet/c"),
]
CANCELS: list[Decision] = [
    OnStep(Kind.STEP_OPENED, step("Abort", index=1, rollout="uid-b", total=2), ""),
    put(member("site-1", rollout="uid-b", step=1), Kind.JOINED),
    put(in_flight("site-2", rollout="uid-b", step=1, run=run(state=RunState.ENDED))),
    put(member("site-2", rollout="uid-b", step=1), Kind.RETURNED),
]


@pytest.mark.parametrize("decision", DECISIONS, ids=lambda found: type(found).__name__)
def test_every_decision_can_be_taken_back(decision: Decision) -> None:
    fleet = changed()
    before = picture(fleet)
    undo = fleet.apply(decision)
    assert picture(fleet) != before
    undo()
    assert picture(fleet) == before


@given(st.lists(st.sampled_from([*DECISIONS, *CANCELS[1:]]), max_size=12))
def test_any_sequence_can_be_taken_back(decisions: list[Decision]) -> None:
    """A decision that the records do not allow changes nothing."""
    fleet = changed()
    fleet.apply(CANCELS[0])
    before = picture(fleet)
    with fleet.draft() as take:
        for decision in decisions:
            with suppress(InvariantViolation):
                take(decision)
        assert pending_uids(fleet) == fleet.pending_uids
    assert picture(fleet) == before
    assert pending_uids(fleet) == fleet.pending_uids


@given(st.integers(0, len(CANCELS)))
def test_a_canceller_is_taken_back_with_its_member(count: int) -> None:
    fleet = changed()
    pictures: list[Any] = []
    undo = []
    for decision in CANCELS[:count]:
        pictures.append(picture(fleet))
        undo.append(fleet.apply(decision))
    for before in reversed(pictures):
        undo.pop()()
        assert picture(fleet) == before


def _fail_in_the_middle(fleet: FleetState) -> None:
    with fleet.draft() as take:
        take(begin("site-1", step=1))
        raise RuntimeError("in the middle of a turn")


def test_a_draft_is_taken_back_when_it_fails() -> None:
    fleet = changed()
    before = picture(fleet)
    with pytest.raises(RuntimeError, match="in the middle"):
        _fail_in_the_middle(fleet)
    assert picture(fleet) == before


def test_a_run_that_is_imported_is_foreign_no_more() -> None:
    fleet = changed()
    fleet.foreign_runs.add("run-site-3")
    precaching = in_flight("site-3", step=1, slot=3, words="Precaching")
    undo = fleet.apply(put(precaching, Kind.RUN_PROGRESS))
    assert not fleet.foreign("run-site-3")
    undo()
    assert fleet.foreign("run-site-3")


@pytest.mark.parametrize(("run", "foreign"), [("run-0", True), ("run-1", False), ("", True)])
def test_a_run_unknown_to_the_journal_is_foreign(run: str, *, foreign: bool) -> None:
    assert load([rollout()], [step()], []).foreign(run) == foreign


def test_deleted_rollouts_are_known_also_when_they_are_forgotten() -> None:
    fleet = FleetState()
    deleted = rollout(uid="gone", state=RolloutState.DELETED, deleted_at=NOW)
    fleet.load([rollout(uid="here"), deleted], [], [], [])
    assert fleet.deleted == {"gone"}
    fleet.forget("gone")
    assert fleet.deleted == {"gone"}


def test_a_rollout_has_its_namespace() -> None:
    fleet = world_of(rollout("a"))
    assert fleet.namespace_of("uid-a") == "fleet"
    assert fleet.namespace_of("unknown") == ""

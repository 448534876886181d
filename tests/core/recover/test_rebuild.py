"""A rollout from what the hub shows: steps, members, slots, history."""

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from ibgu.core.drivers.ibu import IBU
from ibgu.core.drivers.ibu.actions import Action
from ibgu.core.engine.state import FleetState
from ibgu.core.model import (
    Cause,
    Kind,
    Member,
    MemberState,
    OnMember,
    OnRollout,
    OnStep,
    Outcome,
    ReasonKind,
    Rollout,
    RolloutState,
    RunResult,
    RunState,
    Step,
    StepState,
    WorkView,
)
from ibgu.core.model.kinds import RolloutObject
from ibgu.core.model.shown import HubObject
from ibgu.core.recover import find, rebuild
from tests.core.engine.state.records import NOW, done, in_flight, member, run, step
from tests.core.engine.state.records import rollout as record
from tests.core.recover.objects import UID, cluster, completed, entry, fleet, obj, work

LATER = NOW + timedelta(hours=1)
PREPARED = {"prep_completed": ""}


def _runs(fleet: FleetState) -> set[str]:
    steps = (step for tracked in fleet.rollouts.values() for step in tracked.steps)
    return {m.run.id for step in steps for m in step.members.values() if m.run is not None}


class Rebuilt:
    """The fleet state after a rebuild, and what was said."""

    def __init__(
        self,
        found: RolloutObject,
        works: Iterable[HubObject[WorkView]] = (),
        known: FleetState | None = None,
        clusters: Any = cluster,
    ) -> None:
        self.fleet = known or FleetState()
        works = list(works)
        self.fleet.foreign_runs |= {work.view.run for work in works} - _runs(self.fleet)
        tracked = self.fleet.rollouts.get(UID)
        fresh = Rollout(uid=UID, namespace="fleet", name="a", created_at=NOW, spec=found.spec)
        shown = find(found, works, clusters)
        before = tracked.rollout if tracked else fresh
        self.said = list(rebuild(IBU, before, shown, self.fleet, "why", LATER))
        for decision in self.said:
            self.fleet.apply(decision)

    @property
    def rollout(self) -> Rollout:
        return self.fleet.rollouts[UID].rollout

    @property
    def steps(self) -> list[Step]:
        return [tracked.step for tracked in self.fleet.rollouts[UID].steps]

    def member(self, index: int, name: str) -> Member:
        return self.fleet.rollouts[UID].steps[index].members[name]

    def members(self, index: int) -> list[str]:
        found = self.fleet.rollouts[UID].steps[index].members.values()
        return [one.cluster for one in sorted(found, key=lambda m: m.position)]


def status(*entries: Any, step: int = 1, total: int = 3, **more: Any) -> dict[str, Any]:
    return {
        "observedGeneration": 1,
        "startedAt": "2026-01-01T10:00:00Z",
        "summary": {"step": step, "stepTotal": total},
        "clusters": list(entries),
        **more,
    }


def test_a_completed_rollout_is_not_run_again() -> None:
    told = completed(
        clusters=[
            entry("site-1", "Prep", "Upgrade"),
            entry("site-2", failed={"Prep": "PrepFailed: x"}),
        ],
        startedAt="2026-01-01T10:00:00Z",
        completedAt="2026-01-01T11:00:00Z",
    )
    found = Rebuilt(obj("Prep", "Upgrade", status=told))
    assert found.rollout.state is RolloutState.COMPLETE
    assert (found.rollout.hold, found.rollout.restore) == (None, "")
    assert (found.rollout.started_at, found.rollout.completed_at) == (
        NOW - timedelta(hours=2),
        NOW - timedelta(hours=1),
    )
    assert [one.state for one in found.steps] == [StepState.FINISHED] * 2
    assert (found.members(0), found.members(1)) == (["site-1", "site-2"], ["site-1"])
    assert found.member(0, "site-2").cause is Cause.PREP_FAILED


def test_a_rollout_in_progress_is_rebuilt_and_held() -> None:
    told = status(entry("site-1", "Prep"), entry("site-2", current="Prep"), entry("site-10"))
    found = Rebuilt(obj(status=told), [work("site-2", echo="run-1 Prep")])
    assert found.rollout.state is RolloutState.RUNNING
    assert found.rollout.stands_still
    assert found.rollout.restore
    assert found.rollout.generation == 1
    assert found.members(0) == ["site-1", "site-2", "site-10"]
    assert found.member(0, "site-1").outcome is Outcome.SUCCEEDED
    taken = found.member(0, "site-2")
    assert (taken.state, taken.slot) == (MemberState.IN_FLIGHT, 1)
    assert taken.limit == LATER + timedelta(minutes=240)
    waits = found.member(0, "site-10")
    assert (waits.state, waits.reason.kind) == (MemberState.WAITING, ReasonKind.RESTORED)
    assert found.steps[0].total == 3
    assert found.steps[0].started_at == NOW - timedelta(hours=2)


def test_every_decision_is_recorded_as_imported() -> None:
    told = status(entry("site-1", "Prep"), entry("site-2", current="Prep"))
    found = Rebuilt(obj(status=told), [work("site-2", echo="run-1 Prep")])
    said = [d for d in found.said if isinstance(d, OnRollout | OnStep | OnMember)]
    assert len(said) == len(found.said) == 4
    for decision in said:
        assert decision.kind is Kind.IMPORTED
        assert decision.why.startswith("imported from the hub: ")
        assert decision.actor == "ibgu, from what the hub shows"
    assert said[0].warning


def test_controls_that_stand_are_no_new_wish() -> None:
    wishes = {"ibgu.dev/resume": "1", "ibgu.dev/skip": "waiting", "other": "x"}
    found = Rebuilt(obj(status=status(entry("site-1")), annotations=wishes))
    assert found.rollout.controls == {"ibgu.dev/resume": "1", "ibgu.dev/skip": "waiting"}


@pytest.mark.parametrize("known", [{}, {"ibgu.dev/skip": "site-9"}])
def test_a_skip_of_clusters_by_name_is_carried_out_again(known: dict[str, str]) -> None:
    """The status does not show who was skipped: they wait again, and a resume would start them."""
    wishes = {"ibgu.dev/resume": "1", "ibgu.dev/skip": "site-1, 2026-01-01T00:00:00Z"}
    found = obj(status=status(entry("site-1")), annotations=wishes)
    fleet_state = FleetState()
    fleet_state.load([replace(record(), controls=known)], [], [], [])
    rebuilt = Rebuilt(found, known=fleet_state)
    assert rebuilt.member(0, "site-1").state is MemberState.WAITING
    assert rebuilt.rollout.controls == {"ibgu.dev/resume": "1", **known}


def test_members_of_a_later_step_are_rebuilt_by_their_labels() -> None:
    """The members are those whose labels fit; a cluster that was kept out by hand stays out."""
    views = {"site-1": cluster("site-1", **PREPARED), "site-2": cluster("site-2")}
    told = status(entry("site-1", "Prep"), entry("site-2", "Prep"), entry("site-3", "Prep"), step=2)
    found = Rebuilt(obj("Prep", "Upgrade", status=told), clusters=views.get)
    assert found.members(1) == ["site-1"]
    assert found.steps[0].state is StepState.FINISHED
    assert found.steps[1].state is StepState.RUNNING


def test_a_step_that_only_opens_has_not_begun() -> None:
    told = status(entry("site-1", "Prep"), step=2, total=0)
    found = Rebuilt(obj("Prep", "Upgrade", status=told))
    assert len(found.steps) == 1


def test_a_work_proves_a_step_that_the_status_lacks() -> None:
    told = status(entry("site-1", "Prep"))
    found = Rebuilt(obj("Prep", "Upgrade", status=told), [work("site-1", action="Upgrade")])
    assert [one.state for one in found.steps] == [StepState.FINISHED, StepState.RUNNING]
    assert found.member(1, "site-1").state is MemberState.WAITING


def test_a_rollout_without_a_status_is_rebuilt_from_its_works() -> None:
    found = Rebuilt(obj(), [work("site-1", echo="run-1 Prep")])
    assert found.rollout.started_at == LATER
    assert found.member(0, "site-1").state is MemberState.IN_FLIGHT


def test_a_cluster_that_is_gone() -> None:
    found = Rebuilt(obj(status=status(entry("site-1"), entry("site-2", "Prep"))), clusters={}.get)
    gone = found.member(0, "site-1")
    assert (gone.outcome, gone.cause) == (Outcome.FAILED, Cause.GONE)
    assert found.member(0, "site-2").outcome is Outcome.SUCCEEDED


def test_never_more_in_flight_than_slots() -> None:
    """R3: anyone who finds none waits, and goes on by its echo when there is room (R9.5)."""
    works = [work(f"site-{n}", f"run-{n}", echo=f"run-{n} Prep") for n in (1, 2, 3)]
    found = Rebuilt(obj(most=2), works)
    states = [found.member(0, f"site-{n}").state for n in (1, 2, 3)]
    assert states == [MemberState.IN_FLIGHT, MemberState.IN_FLIGHT, MemberState.WAITING]
    assert [found.member(0, f"site-{n}").slot for n in (1, 2, 3)] == [1, 2, None]


def test_one_hand_per_cluster() -> None:
    """R6: where another rollout has the claim, the imported one waits."""
    known = fleet()
    other = record("b")
    holds = in_flight(rollout="uid-b", run=run(id="run-b"))
    known.load([other], [step(rollout="uid-b")], [holds], [])
    found = Rebuilt(obj(), [work("site-1", echo="run-1 Prep")], known)
    assert found.member(0, "site-1").state is MemberState.WAITING
    assert known.claims["uid-site-1"].rollout == "uid-b"


def test_a_plan_that_cannot_be_read_has_no_steps() -> None:
    found = Rebuilt(obj("Dance"), [work("site-1")])
    assert found.steps == []
    assert found.rollout.state is RolloutState.PENDING
    assert found.rollout.stands_still


class TestOfAJournalThatIsBehind:
    def test_known_members_and_positions_are_kept(self) -> None:
        """Positions, too: newcomers come last."""
        known = fleet(record(), step(), done("site-1", Action.PREP), member("site-2"))
        told = status(entry("site-0", "Prep"), entry("site-1", "Prep"), entry("site-2"))
        found = Rebuilt(obj(status=told), [], known)
        assert found.members(0) == ["site-1", "site-2", "site-0"]
        assert [d.member.cluster for d in found.said if isinstance(d, OnMember)] == ["site-0"]
        assert found.member(0, "site-2").reason.kind is ReasonKind.SLOT

    def test_a_run_that_was_followed_by_another_is_closed_first(self) -> None:
        mine = in_flight(run=run(id="run-0"))
        known = fleet(record(), step("Prep Upgrade"), mine)
        works = [work("site-1", action="Upgrade", echo="run-1 Upgrade")]
        told = status(entry("site-1", "Prep", current="Upgrade"))
        found = Rebuilt(obj("Prep Upgrade", status=told), works, known)
        first, second = (d.member for d in found.said if isinstance(d, OnMember))
        assert first.run is not None
        assert (first.run.id, first.run.state) == ("run-0", RunState.ENDED)
        assert first.run.result is RunResult.SUCCEEDED
        assert (first.slot, second.slot) == (1, 1)
        assert second.run is not None
        assert (second.run.id, second.run.state) == ("run-1", RunState.ACCEPTED)

    def test_a_withdrawn_attempt_was_followed_by_another(self) -> None:
        mine = in_flight(run=run(id="run-0"))
        known = fleet(record(), step(), mine)
        found = Rebuilt(obj(), [work("site-1")], known)
        first = next(d.member for d in found.said if isinstance(d, OnMember))
        assert first.run is not None
        assert first.run.result is RunResult.WITHDRAWN

    def test_a_step_that_it_believes_to_run_is_over(self) -> None:
        mine = in_flight(run=run(id="run-0"))
        known = fleet(record(), step(), mine)
        told = status(entry("site-1", "Prep"), step=2, total=1)
        found = Rebuilt(obj("Prep", "Upgrade", status=told), [], known)
        assert found.steps[0].state is StepState.FINISHED
        assert found.member(0, "site-1").outcome is Outcome.SUCCEEDED
        assert known.claims == {}

    def test_a_finished_step_is_not_touched(self) -> None:
        before = step(state=StepState.FINISHED, finished_at=NOW, total=1)
        known = fleet(record(), before, done("site-1", Action.PREP))
        told = status(entry("site-1", "Prep"), step=2, total=1)
        views = {"site-1": cluster("site-1", **PREPARED)}
        found = Rebuilt(obj("Prep", "Upgrade", status=told), [], known, views.get)
        assert found.steps[0] == before
        assert [d.step.index for d in found.said if isinstance(d, OnStep)] == [1]

    def test_a_step_that_it_saw_only_opening(self) -> None:
        opening = step(state=StepState.OPENING, started_at=None)
        known = fleet(record(), opening)
        found = Rebuilt(obj(status=status(entry("site-1"), total=1)), [], known)
        assert found.steps[0].state is StepState.RUNNING
        assert found.members(0) == ["site-1"]

    def test_the_spec_that_the_status_was_written_for_is_the_accepted_one(self) -> None:
        told = status(entry("site-1", "Prep"), step=2, total=1, observedGeneration=4)
        newer = obj("Prep", "Upgrade", status=told, generation=4)
        known = fleet(record(generation=3), step(), done("site-1", Action.PREP))
        found = Rebuilt(newer, [], known)
        assert (found.rollout.generation, found.rollout.spec) == (4, newer.spec)

    def test_a_spec_that_nobody_has_accepted_yet_waits(self) -> None:
        """The spec is checked after the resume."""
        told = status(entry("site-1", "Prep"), observedGeneration=4)
        before = record(generation=3)
        known = fleet(before, step(), in_flight(run=run(id="run-0")))
        found = Rebuilt(obj(status=told, generation=5), [], known)
        assert (found.rollout.generation, found.rollout.spec) == (3, before.spec)

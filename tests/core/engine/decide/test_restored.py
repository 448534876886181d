"""A rollout that is held after a restore: what goes on, what a resume needs, what follows it."""

from datetime import timedelta

import pytest
from msgspec.structs import replace

from ibgu.core.drivers.ibu.actions import Stage
from ibgu.core.model import (
    ActingParty,
    Kind,
    MemberState,
    Outcome,
    ReasonKind,
    RolloutState,
    RunResult,
    RunState,
    names,
)
from tests.core.engine.decide.fleet import InMemoryEngine, ibgu
from tests.core.engine.decide.fleets import prepared, sites
from tests.core.engine.decide.invariants import Invariants
from tests.core.engine.decide.restores import backup, restore_hub

UID = "uid-a"


def upgrading(engine: InMemoryEngine) -> None:
    """The first cluster is inside its Upgrade, and the second one waits."""
    engine.apply(ibgu("a", "Prep", "Upgrade", concurrency=1))
    engine.wait(minutes=4)
    assert engine.member(UID, 1, "site-1").state is MemberState.IN_FLIGHT


def test_an_accepted_run_is_watched_to_its_end_after_a_restore() -> None:
    engine = sites(2)
    upgrading(engine)
    saved = backup(engine)
    engine.wait(minutes=2)
    restore_hub(engine, saved)
    engine.wait(hours=2)
    assert engine.member(UID, 1, "site-1").outcome is Outcome.SUCCEEDED
    waits = engine.member(UID, 1, "site-2")
    assert (waits.state, waits.reason.kind) == (MemberState.WAITING, ReasonKind.RESTORED)
    assert not engine.works["uid-a", "site-2"].wanted.armed


def test_works_that_the_hub_has_lost_are_put_back_to_watch() -> None:
    """They are nobody's hand (R9.6), and without them no cluster can report."""
    engine = sites(2)
    engine.apply(ibgu("a", "Prep", concurrency=1))
    saved = backup(engine)
    engine.wait(seconds=20)
    assert engine.member(UID, 0, "site-1").state is MemberState.IN_FLIGHT
    restore_hub(engine, saved)
    assert ("uid-a", "site-1") in engine.works
    assert ("uid-a", "site-2") not in engine.works
    engine.wait(hours=1)
    assert engine.member(UID, 0, "site-1").outcome is Outcome.SUCCEEDED
    assert RunResult.TAKEN_OVER not in {
        m.run.result for m in engine.tracked(UID).steps[0].members.values() if m.run
    }


def test_the_clock_stands() -> None:
    """Nobody fails by it, however long a person takes."""
    engine = sites(2)
    upgrading(engine)
    restore_hub(engine, backup(engine))
    engine.wait(days=1)
    assert engine.told(Kind.CLOCK_STOPPED)
    engine.annotate(UID, resume="1")
    engine.wait(hours=2)
    assert engine.tracked(UID).rollout.state is RolloutState.COMPLETE
    assert engine.tracked(UID).steps[1].counts[Outcome.SUCCEEDED] == 2


def test_the_deadline_of_a_step_that_waited_for_ibgu_waits_too() -> None:
    engine = sites(2)
    engine.apply(ibgu("a", "Prep", concurrency=1, timeout=20))
    engine.wait(seconds=20)
    saved = backup(engine)
    engine.now += (engine.now - engine.now.replace(hour=0)) + (
        engine.tracked(UID).steps[0].step.timeout * 2
    )
    restore_hub(engine, saved)
    engine.wait(hours=1)
    assert engine.member(UID, 0, "site-2").state is MemberState.WAITING


def test_a_resume_waits_until_every_cluster_in_flight_was_probed_again() -> None:
    engine = sites(2)
    upgrading(engine)
    saved = backup(engine)
    engine.stalled = engine.now.replace(year=2027)
    restore_hub(engine, saved)
    engine.annotate(UID, resume="1")
    engine.wait(minutes=2)
    assert engine.tracked(UID).rollout.stands_still
    engine.stalled = engine.now
    engine.wait(minutes=2)
    assert not engine.tracked(UID).rollout.stands_still


def test_a_restore_waits_for_no_refused_work_and_no_cluster_that_is_gone() -> None:
    engine = sites(2)
    upgrading(engine)
    saved = backup(engine)
    del engine.spokes["site-1"]
    restore_hub(engine, saved)
    engine.annotate(UID, resume="1")
    engine.wait(hours=1)
    assert engine.member(UID, 1, "site-1").outcome is Outcome.FAILED
    assert engine.member(UID, 1, "site-2").outcome is Outcome.SUCCEEDED


def test_a_restore_waits_for_no_work_that_is_being_deleted() -> None:
    engine = sites(2)
    upgrading(engine)
    saved = backup(engine)
    saved.works["uid-a", "site-1"].terminating = True
    engine.spokes["site-1"].dark = True
    restore_hub(engine, saved)
    engine.annotate(UID, resume="1")
    engine.wait(minutes=1)
    assert not engine.tracked(UID).rollout.stands_still


@pytest.mark.parametrize("lost", [False, True], ids=["in the backup", "lost"])
def test_a_restore_waits_for_no_cluster_that_is_being_deleted(*, lost: bool) -> None:
    """Nothing is written for it but what disarms it, and a detach may take for ever."""
    engine = sites(2)
    if lost:
        engine.apply(ibgu("a", "Prep", concurrency=1))
        saved = backup(engine)
        engine.wait(seconds=20)
    else:
        upgrading(engine)
        saved = backup(engine)
    engine.deleting.add("site-1")
    engine.spokes["site-1"].dark = True
    restore_hub(engine, saved)
    engine.annotate(UID, resume="1")
    engine.wait(minutes=1)
    assert not engine.tracked(UID).rollout.stands_still
    engine.wait(days=1)
    assert engine.tracked(UID).rollout.state is RolloutState.COMPLETE


def test_a_right_that_keeps_a_resume_from_its_effect_is_the_reason() -> None:
    engine = sites(2)
    upgrading(engine)
    saved = backup(engine)
    engine.forbidden = True
    restore_hub(engine, saved)
    engine.annotate(UID, resume="1")
    engine.wait(hours=1)
    assert engine.tracked(UID).rollout.stands_still
    waits = engine.member(UID, 1, "site-1")
    assert (waits.reason.kind, waits.reason.who) == (ReasonKind.FORBIDDEN, ActingParty.PERSON)
    engine.allow()
    engine.wait(hours=2)
    assert engine.tracked(UID).rollout.state is RolloutState.COMPLETE


def test_an_old_resume_that_came_back_is_none() -> None:
    engine = sites(2)
    upgrading(engine)
    engine.annotate(UID, resume="1")
    engine.wait(seconds=10)
    saved = backup(engine)
    engine.annotate(UID, resume="2")
    engine.wait(seconds=10)
    restore_hub(engine, saved)
    engine.wait(hours=1)
    assert engine.tracked(UID).rollout.stands_still


def test_a_run_accepted_unseen_is_reopened_by_the_resume() -> None:
    """The echo of a withdrawn run reopens it, before anybody else starts (R9.5)."""
    engine = sites(2)
    engine.apply(ibgu("a", "Prep", concurrency=1))
    engine.until(Kind.RUN_ARMING)
    saved = backup(engine)
    engine.muted |= {"site-1", "site-2"}
    engine.deliver()
    restore_hub(engine, saved)
    engine.muted.clear()
    engine.wait(seconds=10)
    armed = [name for name, spoke in engine.spokes.items() if spoke.executed]
    assert len(armed) == 1
    member = engine.member(UID, 0, armed[0])
    assert member.run is not None
    assert (member.state, member.run.result) == (MemberState.WAITING, RunResult.WITHDRAWN)
    engine.annotate(UID, resume="1")
    engine.wait(hours=1)
    assert engine.told(Kind.RUN_REOPENED)
    assert engine.tracked(UID).rollout.state is RolloutState.COMPLETE
    assert all(len(spoke.executed) == 1 for spoke in engine.spokes.values())


def test_between_two_actions_a_person_decides() -> None:
    engine = sites(1)
    engine.apply(ibgu("a", "Prep Upgrade"))
    engine.wait(seconds=30)
    restore_hub(engine, backup(engine))
    engine.wait(hours=1)
    member = engine.member(UID, 0, "site-1")
    assert (member.state, member.action_index) == (MemberState.IN_FLIGHT, 1)
    assert member.reason.kind is ReasonKind.RESTORED
    assert [stage for _, stage in engine.spokes["site-1"].executed] == [Stage.PREP]
    engine.annotate(UID, resume="1")
    engine.wait(hours=1)
    assert engine.member(UID, 0, "site-1").outcome is Outcome.SUCCEEDED


def test_a_cancelling_rollout_still_takes_its_clusters() -> None:
    """A person's newest wish goes before what stands still."""
    engine = sites(1, "slow")
    engine.apply(ibgu("a", "Prep", age=10))
    engine.wait(minutes=1)
    restore_hub(engine, backup(engine))
    engine.wait(minutes=1)
    engine.apply(ibgu("b", "Abort"))
    engine.wait(hours=3)
    run = engine.member(UID, 0, "site-1").run
    assert run is not None
    assert (run.state, run.result) == (RunState.ENDED, RunResult.PREEMPTED)
    assert engine.member("uid-b", 0, "site-1").outcome is Outcome.SUCCEEDED


def test_a_deleted_rollout_ends() -> None:
    engine = sites(2)
    upgrading(engine)
    restore_hub(engine, backup(engine))
    engine.delete(UID)
    engine.wait(hours=1)
    assert engine.tracked(UID).rollout.state is RolloutState.DELETED
    assert engine.tracked(UID).steps[1].unfinished == 0


class TestAPlanThatIsShorterThanTheJournal:
    def restored(self, *later: str) -> InMemoryEngine:
        """A hub restored to the time when the plan was only [Prep]."""
        engine = sites(2)
        engine.apply(ibgu("a", "Prep", concurrency=1))
        engine.wait(hours=1)
        saved = backup(engine)
        engine.append(UID, *later, concurrency=1)
        engine.wait(minutes=12 if len(later) == 1 else 55)
        restore_hub(engine, saved)
        engine.annotate(UID, resume="1")
        return engine

    def test_finished_steps_stay_as_history_and_are_not_done_again(self) -> None:
        engine = self.restored("Upgrade", "FinalizeUpgrade")
        Invariants(engine)
        engine.wait(hours=1)
        before = {name: list(spoke.executed) for name, spoke in engine.spokes.items()}
        assert engine.tracked(UID).rollout.state is RolloutState.COMPLETE
        assert len(engine.tracked(UID).steps) == 3
        engine.append(UID, "Upgrade", concurrency=1)
        engine.append(UID, "FinalizeUpgrade", concurrency=1)
        engine.wait(hours=1)
        assert {name: spoke.executed for name, spoke in engine.spokes.items()} == before
        assert engine.tracked(UID).rollout.hold is None

    def test_a_step_that_runs_has_to_be_put_back(self) -> None:
        engine = self.restored("Upgrade")
        engine.wait(hours=1)
        hold = engine.tracked(UID).rollout.hold
        assert hold is not None
        assert hold.kind is ReasonKind.INVALID_PLAN
        assert "put it back" in hold.message
        engine.append(UID, "Upgrade", concurrency=1)
        engine.wait(hours=1)
        assert engine.tracked(UID).rollout.state is RolloutState.COMPLETE
        for spoke in engine.spokes.values():
            assert [stage for _, stage in spoke.executed] == [Stage.PREP, Stage.UPGRADE]


def test_without_a_restore_a_shorter_plan_is_refused() -> None:
    engine = sites(1)
    uid = engine.apply(ibgu("a", "Prep", "Upgrade"))
    engine.wait(hours=1)
    shorter = ibgu("a", "Prep")
    engine.apply(replace(shorter, metadata=replace(shorter.metadata, generation=2)))
    engine.settle()
    hold = engine.tracked(uid).rollout.hold
    assert hold is not None
    assert hold.kind is ReasonKind.INVALID_PLAN


def test_a_plan_that_was_refused_before_the_restore_is_refused_after_the_resume() -> None:
    """The restore's hold has taken the place of the plan's, and its generation is known already."""
    engine = sites(1)
    engine.apply(ibgu("a", "Prep", "Upgrade"))
    engine.wait(minutes=1)
    shorter = ibgu("a", "Upgrade")
    engine.apply(replace(shorter, metadata=replace(shorter.metadata, generation=2)))
    engine.settle()
    restore_hub(engine, backup(engine))
    engine.annotate(UID, resume="1")
    engine.wait(hours=3)
    hold = engine.tracked(UID).rollout.hold
    assert hold is not None
    assert hold.kind is ReasonKind.INVALID_PLAN
    assert [stage for _, stage in engine.spokes["site-1"].executed] == [Stage.PREP]


def test_after_the_resume_a_chain_has_the_limit_of_one_that_starts_then() -> None:
    """The person took longer than the cluster's share of the time."""
    engine = sites(2)
    uid = engine.apply(ibgu("a", "Prep Upgrade", concurrency=1, timeout=240))
    engine.wait(seconds=30)
    restore_hub(engine, backup(engine))
    engine.wait(hours=3)
    engine.annotate(uid, resume="1")
    engine.wait(minutes=5)
    assert engine.member(uid, 0, "site-1").cause is None
    engine.wait(hours=2)
    assert [engine.member(uid, 0, f"site-{n}").outcome for n in (1, 2)] == [Outcome.SUCCEEDED] * 2


def test_labels_of_a_rollout_that_others_have_cleaned_up_after_stay_away() -> None:
    """The others are deleted and over, so a start does not load them."""
    engine = sites(1, "fail")
    engine.apply(ibgu("a", "Prep", age=20))
    engine.wait(minutes=10)
    engine.apply(ibgu("b", "AbortOnFailure", age=10))
    engine.wait(minutes=10)
    engine.delete("uid-b")
    engine.wait(minutes=5)
    restore_hub(engine, backup(engine), unloaded=["uid-b"])
    engine.wait(minutes=5)
    assert engine.labels["site-1"] == {}


def test_a_late_completion_is_seen_though_the_hub_has_lost_its_work() -> None:
    engine = prepared(2)
    engine.spokes["site-1"].faults[Stage.UPGRADE] = "slow"
    saved = backup(engine)
    uid = engine.apply(ibgu("a", "Upgrade", timeout=60))
    saved.ibgus = dict(engine.ibgus)
    engine.wait(minutes=90)
    assert engine.member(uid, 0, "site-1").watched
    restore_hub(engine, saved)
    engine.wait(hours=20)
    member = engine.member(uid, 0, "site-1")
    assert not member.watched
    assert member.late.startswith("completed late")
    assert names.DISABLE_AUTO_IMPORT not in engine.annotations["site-1"]


def test_a_way_back_that_ends_after_a_restore_is_seen() -> None:
    engine = sites(1)
    engine.spokes["site-1"].certificates = timedelta(days=30)
    uid = engine.apply(ibgu("a", "Prep", "Upgrade"))
    engine.wait(hours=1)
    assert engine.tracked(uid).reports.rollback == 1
    restore_hub(engine, backup(engine))
    engine.wait(minutes=10)
    engine.spokes["site-1"].to(Stage.IDLE)
    engine.agents()
    engine.touch_cluster("site-1")
    engine.wait(minutes=10)
    assert engine.tracked(uid).reports.rollback == 0

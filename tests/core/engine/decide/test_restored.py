"""A rollout that is held after a restore: what goes on, what a resume needs, what follows it."""

from msgspec.structs import replace

from ibgu.core.drivers.ibu.actions import Stage
from ibgu.core.model import (
    Kind,
    MemberState,
    Outcome,
    ReasonKind,
    RolloutState,
    RunResult,
    RunState,
)
from tests.core.engine.decide.fleet import InMemoryEngine, ibgu
from tests.core.engine.decide.fleets import sites
from tests.core.engine.decide.invariants import Invariants
from tests.core.engine.decide.restores import backup, restore_hub

UID = "uid-a"


def upgrading(twin: InMemoryEngine) -> None:
    """The first cluster is inside its Upgrade, and the second one waits."""
    twin.apply(ibgu("a", "Prep", "Upgrade", concurrency=1))
    twin.wait(minutes=4)
    assert twin.member(UID, 1, "site-1").state is MemberState.IN_FLIGHT


def test_an_accepted_run_is_watched_to_its_end_after_a_restore() -> None:
    twin = sites(2)
    upgrading(twin)
    saved = backup(twin)
    twin.wait(minutes=2)
    restore_hub(twin, saved)
    twin.wait(hours=2)
    assert twin.member(UID, 1, "site-1").outcome is Outcome.SUCCEEDED
    waits = twin.member(UID, 1, "site-2")
    assert (waits.state, waits.reason.kind) == (MemberState.WAITING, ReasonKind.RESTORED)
    assert not twin.works["uid-a", "site-2"].wanted.armed


def test_works_that_the_hub_has_lost_are_put_back_to_watch() -> None:
    """They are nobody's hand (R9.6), and without them no cluster can report."""
    twin = sites(2)
    twin.apply(ibgu("a", "Prep", concurrency=1))
    saved = backup(twin)
    twin.wait(seconds=20)
    assert twin.member(UID, 0, "site-1").state is MemberState.IN_FLIGHT
    restore_hub(twin, saved)
    assert ("uid-a", "site-1") in twin.works
    assert ("uid-a", "site-2") not in twin.works
    twin.wait(hours=1)
    assert twin.member(UID, 0, "site-1").outcome is Outcome.SUCCEEDED
    assert RunResult.TAKEN_OVER not in {
        m.run.result for m in twin.tracked(UID).steps[0].members.values() if m.run
    }


def test_the_clock_stands() -> None:
    """Nobody fails by it, however long a person takes."""
    twin = sites(2)
    upgrading(twin)
    restore_hub(twin, backup(twin))
    twin.wait(days=1)
    assert twin.told(Kind.CLOCK_STOPPED)
    twin.annotate(UID, resume="1")
    twin.wait(hours=2)
    assert twin.tracked(UID).rollout.state is RolloutState.COMPLETE
    assert twin.tracked(UID).steps[1].counts[Outcome.SUCCEEDED] == 2


def test_the_deadline_of_a_step_that_waited_for_ibgu_waits_too() -> None:
    twin = sites(2)
    twin.apply(ibgu("a", "Prep", concurrency=1, timeout=20))
    twin.wait(seconds=20)
    saved = backup(twin)
    twin.now += (twin.now - twin.now.replace(hour=0)) + (
        twin.tracked(UID).steps[0].step.timeout * 2
    )
    restore_hub(twin, saved)
    twin.wait(hours=1)
    assert twin.member(UID, 0, "site-2").state is MemberState.WAITING


def test_a_resume_waits_until_every_cluster_in_flight_was_probed_again() -> None:
    twin = sites(2)
    upgrading(twin)
    saved = backup(twin)
    twin.stalled = twin.now.replace(year=2027)
    restore_hub(twin, saved)
    twin.annotate(UID, resume="1")
    twin.wait(minutes=2)
    assert twin.tracked(UID).rollout.stands_still
    twin.stalled = twin.now
    twin.wait(minutes=2)
    assert not twin.tracked(UID).rollout.stands_still


def test_a_restore_waits_for_no_refused_work_and_no_cluster_that_is_gone() -> None:
    twin = sites(2)
    upgrading(twin)
    saved = backup(twin)
    del twin.spokes["site-1"]
    restore_hub(twin, saved)
    twin.annotate(UID, resume="1")
    twin.wait(hours=1)
    assert twin.member(UID, 1, "site-1").outcome is Outcome.FAILED
    assert twin.member(UID, 1, "site-2").outcome is Outcome.SUCCEEDED


def test_a_restore_waits_for_no_work_that_is_being_deleted() -> None:
    twin = sites(2)
    upgrading(twin)
    saved = backup(twin)
    saved.works["uid-a", "site-1"].terminating = True
    twin.spokes["site-1"].dark = True
    restore_hub(twin, saved)
    twin.annotate(UID, resume="1")
    twin.wait(minutes=1)
    assert not twin.tracked(UID).rollout.stands_still


def test_an_old_resume_that_came_back_is_none() -> None:
    twin = sites(2)
    upgrading(twin)
    twin.annotate(UID, resume="1")
    twin.wait(seconds=10)
    saved = backup(twin)
    twin.annotate(UID, resume="2")
    twin.wait(seconds=10)
    restore_hub(twin, saved)
    twin.wait(hours=1)
    assert twin.tracked(UID).rollout.stands_still


def test_a_run_accepted_unseen_is_reopened_by_the_resume() -> None:
    """The echo of a withdrawn run reopens it, before anybody else starts (R9.5)."""
    twin = sites(2)
    twin.apply(ibgu("a", "Prep", concurrency=1))
    twin.until(Kind.RUN_ARMING)
    saved = backup(twin)
    twin.muted |= {"site-1", "site-2"}
    twin.deliver()
    restore_hub(twin, saved)
    twin.muted.clear()
    twin.wait(seconds=10)
    armed = [name for name, spoke in twin.spokes.items() if spoke.executed]
    assert len(armed) == 1
    member = twin.member(UID, 0, armed[0])
    assert member.run is not None
    assert (member.state, member.run.result) == (MemberState.WAITING, RunResult.WITHDRAWN)
    twin.annotate(UID, resume="1")
    twin.wait(hours=1)
    assert twin.told(Kind.RUN_REOPENED)
    assert twin.tracked(UID).rollout.state is RolloutState.COMPLETE
    assert all(len(spoke.executed) == 1 for spoke in twin.spokes.values())


def test_between_two_actions_a_person_decides() -> None:
    twin = sites(1)
    twin.apply(ibgu("a", "Prep Upgrade"))
    twin.wait(seconds=30)
    restore_hub(twin, backup(twin))
    twin.wait(hours=1)
    member = twin.member(UID, 0, "site-1")
    assert (member.state, member.action_index) == (MemberState.IN_FLIGHT, 1)
    assert member.reason.kind is ReasonKind.RESTORED
    assert [stage for _, stage in twin.spokes["site-1"].executed] == [Stage.PREP]
    twin.annotate(UID, resume="1")
    twin.wait(hours=1)
    assert twin.member(UID, 0, "site-1").outcome is Outcome.SUCCEEDED


def test_a_cancelling_rollout_still_takes_its_clusters() -> None:
    """A person's newest wish goes before what stands still."""
    twin = sites(1, "slow")
    twin.apply(ibgu("a", "Prep", age=10))
    twin.wait(minutes=1)
    restore_hub(twin, backup(twin))
    twin.wait(minutes=1)
    twin.apply(ibgu("b", "Abort"))
    twin.wait(hours=3)
    run = twin.member(UID, 0, "site-1").run
    assert run is not None
    assert (run.state, run.result) == (RunState.ENDED, RunResult.PREEMPTED)
    assert twin.member("uid-b", 0, "site-1").outcome is Outcome.SUCCEEDED


def test_a_deleted_rollout_ends() -> None:
    twin = sites(2)
    upgrading(twin)
    restore_hub(twin, backup(twin))
    twin.delete(UID)
    twin.wait(hours=1)
    assert twin.tracked(UID).rollout.state is RolloutState.DELETED
    assert twin.tracked(UID).steps[1].unfinished == 0


class TestAPlanThatIsShorterThanTheJournal:
    def restored(self, *later: str) -> InMemoryEngine:
        """A hub restored to the time when the plan was only [Prep]."""
        twin = sites(2)
        twin.apply(ibgu("a", "Prep", concurrency=1))
        twin.wait(hours=1)
        saved = backup(twin)
        twin.append(UID, *later, concurrency=1)
        twin.wait(minutes=12 if len(later) == 1 else 55)
        restore_hub(twin, saved)
        twin.annotate(UID, resume="1")
        return twin

    def test_finished_steps_stay_as_history_and_are_not_done_again(self) -> None:
        twin = self.restored("Upgrade", "FinalizeUpgrade")
        Invariants(twin)
        twin.wait(hours=1)
        before = {name: list(spoke.executed) for name, spoke in twin.spokes.items()}
        assert twin.tracked(UID).rollout.state is RolloutState.COMPLETE
        assert len(twin.tracked(UID).steps) == 3
        twin.append(UID, "Upgrade", concurrency=1)
        twin.append(UID, "FinalizeUpgrade", concurrency=1)
        twin.wait(hours=1)
        assert {name: spoke.executed for name, spoke in twin.spokes.items()} == before
        assert twin.tracked(UID).rollout.hold is None

    def test_a_step_that_runs_has_to_be_put_back(self) -> None:
        twin = self.restored("Upgrade")
        twin.wait(hours=1)
        hold = twin.tracked(UID).rollout.hold
        assert hold is not None
        assert hold.kind is ReasonKind.INVALID_PLAN
        assert "put it back" in hold.message
        twin.append(UID, "Upgrade", concurrency=1)
        twin.wait(hours=1)
        assert twin.tracked(UID).rollout.state is RolloutState.COMPLETE
        for spoke in twin.spokes.values():
            assert [stage for _, stage in spoke.executed] == [Stage.PREP, Stage.UPGRADE]


def test_without_a_restore_a_shorter_plan_is_refused() -> None:
    twin = sites(1)
    uid = twin.apply(ibgu("a", "Prep", "Upgrade"))
    twin.wait(hours=1)
    shorter = ibgu("a", "Prep")
    twin.apply(replace(shorter, metadata=replace(shorter.metadata, generation=2)))
    twin.settle()
    hold = twin.tracked(uid).rollout.hold
    assert hold is not None
    assert hold.kind is ReasonKind.INVALID_PLAN


def test_a_plan_that_was_refused_before_the_restore_is_refused_after_the_resume() -> None:
    """The restore's hold has taken the place of the plan's, and its generation is known already."""
    twin = sites(1)
    twin.apply(ibgu("a", "Prep", "Upgrade"))
    twin.wait(minutes=1)
    shorter = ibgu("a", "Upgrade")
    twin.apply(replace(shorter, metadata=replace(shorter.metadata, generation=2)))
    twin.settle()
    restore_hub(twin, backup(twin))
    twin.annotate(UID, resume="1")
    twin.wait(hours=3)
    hold = twin.tracked(UID).rollout.hold
    assert hold is not None
    assert hold.kind is ReasonKind.INVALID_PLAN
    assert [stage for _, stage in twin.spokes["site-1"].executed] == [Stage.PREP]

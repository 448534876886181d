"""Hub and journal are both restored to the same earlier time: only the clusters know what was done
since (R31.6)."""

from datetime import timedelta

import pytest
from msgspec.structs import replace

from ibgu.core.drivers.ibu.actions import Stage
from ibgu.core.model import (
    Cause,
    Kind,
    MemberState,
    OnRollout,
    Outcome,
    ReasonKind,
    RolloutState,
)
from ibgu.core.model.decisions import is_warning
from ibgu.core.model.names import DISABLE_AUTO_IMPORT
from ibgu.core.model.run_ids import run_id
from tests.core.engine.decide.fleet import InMemoryEngine, ibgu
from tests.core.engine.decide.fleets import sites
from tests.core.engine.decide.restores import Backup, Journal, backup, journal, restore_both
from tests.oracle.logs import certify, log_of, told

UID = "uid-a"
CHAIN = ("Prep Upgrade FinalizeUpgrade",)
STEPS = ("Prep", "Upgrade", "FinalizeUpgrade")
DONE = [Stage.PREP, Stage.UPGRADE, Stage.IDLE]


class Restored:
    """A rollout that began, was saved after `saved` seconds, and restored after `restored`."""

    def __init__(
        self,
        *plan: str,
        saved: int,
        restored: int,
        clusters: int = 2,
        concurrency: int = 1,
        **faults: str,
    ) -> None:
        self.engine = engine = sites(clusters)
        for cluster in engine.spokes.values():
            cluster.faults |= {Stage[stage]: fault for stage, fault in faults.items()}
        engine.apply(ibgu("a", *plan, concurrency=concurrency))
        engine.wait(seconds=saved)
        self.saved: tuple[Backup, Journal] = backup(engine), journal(engine)
        engine.wait(seconds=restored - saved)
        restore_both(engine, *self.saved)
        engine.wait(minutes=30)

    @property
    def hold(self) -> str:
        hold = self.engine.tracked(UID).rollout.restored_hold
        return hold.message if hold is not None else ""

    def resume(self, **time: int) -> InMemoryEngine:
        self.engine.annotate(UID, resume=str(self.engine.now))
        self.engine.wait(**time)
        return self.engine

    def executed(self) -> dict[str, list[str]]:
        return {name: [s for _, s in spoke.executed] for name, spoke in self.engine.spokes.items()}


def is_hold(decision: OnRollout) -> bool:
    return decision.kind is Kind.ROLLOUT_HELD


def test_a_restored_hub_and_journal_hold_the_rollout_and_say_why() -> None:
    scene = Restored(*CHAIN, saved=30, restored=1200)
    assert scene.hold.startswith(
        "the journal was restored to an earlier time, alone or with the hub: site-1 shows the run "
    )
    assert "which ibgu began at 2026-01-01T00:12" in scene.hold
    assert "ibgu.dev/resume=<a new value>" in scene.hold
    decisions = (each.decision for each in scene.engine.said)
    (held,) = (each for each in decisions if isinstance(each, OnRollout) and is_hold(each))
    assert is_warning(held)


def test_a_cluster_that_is_further_is_no_hand_and_completes_its_actions() -> None:
    """The first one is through with everything; for the journal it is in its Prep."""
    scene = Restored(*CHAIN, saved=30, restored=1200)
    member = scene.engine.member(UID, 0, "site-1")
    assert (member.outcome, member.cause) == (Outcome.SUCCEEDED, None)
    assert [each.action for each in member.completed] == ["Prep", "Upgrade", "FinalizeUpgrade"]
    assert "it has gone on to FinalizeUpgrade" in member.completed[0].note


def test_no_cluster_is_upgraded_a_second_time() -> None:
    """The second one had not begun when the backup was made, and is upgraded and Idle by now."""
    scene = Restored(*CHAIN, saved=120, restored=2400)
    engine = scene.resume(hours=6)
    assert scene.executed() == {"site-1": DONE, "site-2": DONE}
    assert engine.tracked(UID).rollout.state is RolloutState.COMPLETE
    assert engine.tracked(UID).counts.failed == 0


@pytest.mark.parametrize(("saved", "restored"), [(30, 180), (180, 2400), (240, 3600), (30, 3600)])
def test_each_step_finds_what_its_clusters_have_done(saved: int, restored: int) -> None:
    scene = Restored(*STEPS, saved=saved, restored=restored)
    assert scene.hold
    engine = scene.resume(hours=6)
    assert scene.executed() == {"site-1": DONE, "site-2": DONE}
    assert engine.tracked(UID).rollout.state is RolloutState.COMPLETE
    for step in engine.tracked(UID).steps:
        assert {member.outcome for member in step.members.values()} == {Outcome.SUCCEEDED}
    assert engine.labels == {"site-1": {}, "site-2": {}}
    assert told(certify(log_of(engine))) == []


def test_a_second_restore_is_noticed_too_and_one_is_resumed_once() -> None:
    scene = Restored(*STEPS, saved=30, restored=180)
    engine = scene.resume(minutes=5)
    assert not engine.tracked(UID).rollout.stands_still
    saved = backup(engine), journal(engine)
    engine.wait(minutes=20)
    assert not engine.tracked(UID).rollout.stands_still
    restore_both(engine, *saved)
    engine.wait(minutes=20)
    assert engine.tracked(UID).rollout.stands_still
    scene.resume(hours=6)
    assert scene.executed() == {"site-1": DONE, "site-2": DONE}


def test_a_failure_that_the_journal_has_forgotten_is_found_again() -> None:
    scene = Restored("Prep", "Upgrade", saved=90, restored=2400, UPGRADE="rollback")
    engine = scene.resume(hours=6)
    failed = [engine.member(UID, 1, name) for name in ("site-1", "site-2")]
    assert [member.cause for member in failed] == [Cause.UPGRADE_FAILED] * 2
    label = "lcm.openshift.io/ibgu-upgrade-failed"
    assert all(label in engine.labels[name] for name in ("site-1", "site-2"))
    assert scene.executed() == dict.fromkeys(engine.spokes, DONE[:2])


def test_a_failure_before_a_clean_up_that_has_begun_stays_a_failure() -> None:
    """For the journal both are in their Prep; by now AbortOnFailure has taken them back."""
    scene = Restored("Prep", "AbortOnFailure", saved=30, restored=600, concurrency=2, PREP="fail")
    engine = scene.resume(hours=6)
    for name in ("site-1", "site-2"):
        member = engine.member(UID, 0, name)
        assert (member.outcome, member.failed_action) == (Outcome.FAILED, "Prep")
        assert "how its Prep ended is not known" in member.message
        assert engine.member(UID, 1, name).outcome is Outcome.SUCCEEDED
        assert engine.labels[name] == {}
    assert engine.tracked(UID).counts.failed == 2
    assert scene.executed() == dict.fromkeys(engine.spokes, DONE[::2])
    assert told(certify(log_of(engine))) == []


def test_an_upgrade_under_way_keeps_automatic_import_off() -> None:
    """The backup is from before; its end turns it on again."""
    scene = Restored("Prep", "Upgrade", saved=30, restored=200, concurrency=2, UPGRADE="hang")
    engine = scene.resume(minutes=1)
    assert engine.member(UID, 1, "site-1").state is MemberState.IN_FLIGHT
    assert all(DISABLE_AUTO_IMPORT in engine.annotations[name] for name in engine.spokes)
    for spoke in engine.spokes.values():
        spoke.complete(Stage.UPGRADE)
    engine.wait(hours=12)
    assert not any(engine.annotations.values())


def test_a_run_that_the_journal_never_saw_armed_goes_on() -> None:
    """The journal knows the run as one that is about to be armed."""
    engine = sites(1)
    engine.apply(ibgu("a", *CHAIN))
    engine.until(Kind.RUN_INTENDED)
    engine.until(Kind.RUN_INTENDED)
    saved = backup(engine), journal(engine)
    assert engine.member(UID, 0, "site-1").reason.message == "turns automatic import off"
    engine.wait(seconds=20)
    restore_both(engine, *saved)
    engine.wait(minutes=30)
    assert engine.tracked(UID).rollout.stands_still
    engine.annotate(UID, resume="1")
    engine.wait(hours=2)
    assert engine.member(UID, 0, "site-1").outcome is Outcome.SUCCEEDED
    assert [stage for _, stage in engine.spokes["site-1"].executed] == DONE


def test_a_stage_that_somebody_has_changed_since_is_taken_over() -> None:
    """The run is ibgu's; the stage that the cluster shows beside it is not the run's."""
    engine = sites(1)
    engine.apply(ibgu("a", "Prep Upgrade", concurrency=1))
    engine.wait(seconds=30)
    saved = backup(engine), journal(engine)
    engine.wait(minutes=20)
    spoke = engine.spokes["site-1"]
    spoke.generation += 1
    spoke.observed, spoke.stage = spoke.generation, Stage.ROLLBACK
    restore_both(engine, *saved)
    engine.wait(minutes=5)
    assert engine.tracked(UID).rollout.stands_still
    assert engine.member(UID, 0, "site-1").cause is Cause.TAKEN_OVER


def test_a_run_of_another_rollout_is_not_taken_up() -> None:
    """The journal can't tell which one: the cluster is judged by its state alone."""
    engine = sites(1)
    engine.apply(ibgu("a", "Prep", age=10))
    engine.wait(seconds=30)
    saved = backup(engine), journal(engine)
    engine.wait(minutes=10)
    engine.apply(ibgu("b", "Upgrade"))
    engine.wait(minutes=30)
    restore_both(engine, *saved)
    engine.wait(minutes=30)
    assert not engine.tracked(UID).rollout.stands_still


def test_a_resume_that_stands_is_none_for_this_restore() -> None:
    engine = sites(2)
    engine.apply(ibgu("a", *CHAIN, concurrency=1))
    engine.wait(seconds=30)
    saved = backup(engine), journal(engine)
    engine.wait(minutes=20)
    restored = saved[0].ibgus[UID]
    marks = {**restored.metadata.annotations, "ibgu.dev/resume": "old"}
    saved[0].ibgus[UID] = replace(restored, metadata=replace(restored.metadata, annotations=marks))
    restore_both(engine, *saved)
    engine.wait(hours=1)
    assert engine.tracked(UID).rollout.stands_still


def test_the_step_has_its_whole_timeout_again() -> None:
    """The backup is a day old: nobody fails for the time in between."""
    engine = sites(2)
    engine.apply(ibgu("a", "Prep", "Upgrade", concurrency=1, timeout=60))
    engine.wait(minutes=3)
    saved = backup(engine), journal(engine)
    engine.wait(minutes=30)
    engine.now += timedelta(days=1)
    restore_both(engine, *saved)
    engine.wait(hours=5)
    engine.annotate(UID, resume="1")
    engine.wait(hours=3)
    assert engine.tracked(UID).counts.failed == 0
    assert engine.tracked(UID).rollout.state is RolloutState.COMPLETE


def test_a_finished_cluster_shows_it_too() -> None:
    """All that wait are silent: the work of one that is through with the step tells."""
    engine = sites(2)
    engine.apply(ibgu("a", "Prep", "Upgrade", concurrency=1))
    engine.wait(seconds=90)
    saved = backup(engine), journal(engine)
    assert engine.member(UID, 0, "site-1").finished
    engine.wait(minutes=20)
    engine.spokes["site-2"].dark = True
    restore_both(engine, *saved)
    engine.wait(minutes=1)
    hold = engine.tracked(UID).rollout.hold
    assert hold is not None
    assert "site-1 shows the run" in hold.message
    assert engine.member(UID, 0, "site-1").reason.kind is not ReasonKind.DIVERGED


def test_an_abort_hides_the_end_of_the_action_before() -> None:
    """An Abort takes clusters whatever became of their Prep: no label follows."""
    scene = Restored("Prep", "Abort", saved=30, restored=900, concurrency=2)
    assert {m.outcome for m in scene.engine.tracked(UID).steps[0].members.values()} == {
        Outcome.FAILED
    }
    assert not any(scene.engine.labels.values())
    engine = scene.resume(hours=6)
    assert engine.member(UID, 1, "site-1").outcome is Outcome.SUCCEEDED
    assert scene.executed() == dict.fromkeys(engine.spokes, DONE[::2])
    assert told(certify(log_of(engine))) == []


def in_upgrade() -> tuple[InMemoryEngine, str]:
    """A cluster inside its Upgrade, and the id of its Prep."""
    engine = sites(1)
    engine.apply(ibgu("a", "Prep Upgrade"))
    engine.wait(seconds=30)
    prep = engine.spokes["site-1"].run
    engine.wait(seconds=60)
    assert engine.spokes["site-1"].run != prep
    return engine, prep


def shows(engine: InMemoryEngine, run: str, stage: Stage) -> None:
    spoke = engine.spokes["site-1"]
    spoke.run, spoke.stage, spoke.generation = run, stage, spoke.generation + 1
    spoke.observed = spoke.generation
    engine.agents()
    engine.settle()


def test_an_earlier_run_in_an_old_etcd_is_not_taken_over() -> None:
    """The journal has forgotten the Prep, and the old etcd shows it until LCA restores (R9.7)."""
    engine, prep = in_upgrade()
    upgrade = engine.spokes["site-1"].run
    engine.records.run_ids.discard(prep)
    shows(engine, prep, Stage.PREP)
    assert engine.tracked(UID).rollout.stands_still
    engine.annotate(UID, resume="1")
    engine.wait(seconds=10)
    shows(engine, upgrade, Stage.UPGRADE)
    engine.wait(hours=1)
    assert engine.member(UID, 0, "site-1").outcome is Outcome.SUCCEEDED


def test_a_run_that_is_to_begin_in_the_future_holds_nobody() -> None:
    engine, _ = in_upgrade()
    later = engine.now + timedelta(days=1)
    made_up = run_id(UID, engine.spokes["site-1"].uid, "Upgrade", 0, 9, later)
    shows(engine, made_up, Stage.UPGRADE)
    assert not engine.tracked(UID).rollout.stands_still


def test_an_arming_is_not_sent_once_the_restore_is_known() -> None:
    """The cluster has taken the same action since, and gone on to the next."""
    engine = sites(1)
    engine.apply(ibgu("a", *CHAIN))
    engine.until(Kind.RUN_ARMING)
    engine.until(Kind.RUN_ARMING)
    saved = backup(engine), journal(engine)
    assert not engine.works[UID, "site-1"].wanted.armed
    engine.wait(hours=1)
    restore_both(engine, *saved)
    armed = []
    for _ in range(6):
        engine.step()
        armed += [work for work in engine.works.values() if work.wanted.armed]
    assert armed == []
    engine.annotate(UID, resume="1")
    engine.wait(hours=1)
    assert [stage for _, stage in engine.spokes["site-1"].executed] == DONE
    assert engine.tracked(UID).rollout.state is RolloutState.COMPLETE

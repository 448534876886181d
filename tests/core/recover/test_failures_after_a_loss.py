"""R31.4: a lost journal makes no failure, and hides none, nor what was done about it."""

import pytest
from msgspec.structs import replace

from ibgu.core.drivers.ibu.actions import Stage
from ibgu.core.model import Cause, MemberState, Outcome, ReasonKind, RolloutState, StepState
from tests.core.engine.decide.fleet import InMemoryEngine, ibgu
from tests.core.engine.decide.fleets import prepared, sites
from tests.core.engine.decide.records import Records
from tests.core.engine.decide.restores import (
    Journal,
    journal,
    lose_journal,
    restore_journal,
    write_status,
)
from tests.oracle.logs import certify, log_of, told

UID = "uid-a"
FAILED = "lcm.openshift.io/ibgu-prep-failed"
COMPLETED = "lcm.openshift.io/ibgu-prep-completed"


def lose(engine: InMemoryEngine) -> None:
    write_status(engine, UID)
    lose_journal(engine)
    engine.settle()


def test_the_steps_behind_an_abort_under_way_have_not_begun() -> None:
    """The plan has AbortOnFailure twice: the first one runs, and nobody is upgraded yet."""
    engine = sites(3)
    engine.spokes["site-1"].faults = {Stage.PREP: "fail", Stage.IDLE: "slow"}
    engine.apply(ibgu("a", "Prep", "AbortOnFailure", "Upgrade", "AbortOnFailure"))
    engine.wait(minutes=5)
    lose(engine)
    assert [each.step.state for each in engine.tracked(UID).steps] == [
        StepState.FINISHED,
        StepState.RUNNING,
    ]
    assert engine.member(UID, 1, "site-1").state is MemberState.IN_FLIGHT
    engine.annotate(UID, resume="1")
    engine.wait(days=1)
    assert engine.tracked(UID).rollout.state is RolloutState.COMPLETE
    upgraded = [engine.member(UID, 2, name).outcome for name in ("site-2", "site-3")]
    assert upgraded == [Outcome.SUCCEEDED] * 2
    assert told(certify(log_of(engine))) == []


@pytest.mark.parametrize(("fault", "outcome"), [("", Outcome.SUCCEEDED), ("hang", Outcome.FAILED)])
def test_the_end_of_an_abort_of_another_rollouts_failures_is_known(
    fault: str, outcome: Outcome
) -> None:
    engine = sites(1)
    engine.spokes["site-1"].faults = {Stage.PREP: "fail", Stage.IDLE: fault}
    engine.apply(ibgu("before", "Prep", age=10))
    engine.wait(minutes=5)
    engine.apply(ibgu("a", "AbortOnFailure", timeout=20))
    engine.wait(hours=1)
    assert engine.member(UID, 0, "site-1").outcome is outcome
    lose(engine)
    assert engine.member(UID, 0, "site-1").outcome is outcome
    assert engine.tracked(UID).counts.failed == (outcome is Outcome.FAILED)


@pytest.mark.parametrize("lost", [True, False], ids=["lost", "restored"])
def test_no_cluster_fails_for_the_time_of_a_pause_that_was_forgotten(*, lost: bool) -> None:
    engine = sites(3)
    engine.apply(ibgu("a", "Prep", concurrency=1, timeout=60))
    engine.wait(seconds=30)
    kept = journal(engine)
    engine.annotate(UID, pause="until Monday")
    engine.wait(days=2)
    write_status(engine, UID)
    restore_journal(engine, Journal(Records()) if lost else kept)
    found = engine.ibgus[UID]
    engine.apply(replace(found, metadata=replace(found.metadata, annotations={})))
    engine.annotate(UID, resume="1")
    engine.wait(hours=2)
    assert engine.tracked(UID).rollout.state is RolloutState.COMPLETE
    assert engine.tracked(UID).steps[0].counts[Outcome.SUCCEEDED] == 3
    assert told(certify(log_of(engine))) == []


def test_a_cluster_that_was_taken_over_by_hand_stays_so() -> None:
    engine = sites(1, "slow")
    engine.apply(ibgu("a", "Prep"))
    engine.wait(minutes=1)
    engine.works[UID, "site-1"].edited = True
    engine.touch(UID, "site-1")
    engine.wait(minutes=5)
    assert engine.member(UID, 0, "site-1").cause is Cause.TAKEN_OVER
    lose(engine)
    engine.works[UID, "site-1"].edited = False
    engine.annotate(UID, resume="1")
    engine.wait(hours=2)
    found = engine.member(UID, 0, "site-1")
    assert (found.outcome, found.cause) == (Outcome.FAILED, Cause.TAKEN_OVER)
    assert "completed late" in found.message
    assert told(certify(log_of(engine))) == []


@pytest.mark.parametrize("labelled", [True, False])
def test_a_late_completion_after_a_loss_changes_the_label_that_still_stands(
    *, labelled: bool
) -> None:
    engine = sites(1, "slow")
    engine.apply(ibgu("a", "Prep", timeout=20))
    engine.wait(minutes=30)
    assert set(engine.labels["site-1"]) == {FAILED}
    if not labelled:
        engine.labels["site-1"].clear()
    lose(engine)
    engine.wait(hours=1)
    assert engine.member(UID, 0, "site-1").late
    assert set(engine.labels["site-1"]) == ({COMPLETED} if labelled else set())
    assert told(certify(log_of(engine))) == []


def test_a_bad_seed_is_stopped_after_a_loss_too() -> None:
    """The circuit breaker had engaged: failures that are imported are no successes."""
    engine = prepared(7)
    for spoke in engine.spokes.values():
        spoke.faults = {Stage.UPGRADE: "rollback"}
    engine.apply(ibgu("a", "Upgrade", concurrency=1, timeout=2000))
    engine.wait(days=1)
    assert engine.tracked(UID).steps[0].counts[Outcome.FAILED] == 5
    lose(engine)
    engine.annotate(UID, resume="1")
    engine.wait(hours=2)
    step = engine.tracked(UID).steps[0]
    assert step.counts[Outcome.FAILED] == 5
    assert step.step.hold is not None
    assert step.step.hold.kind is ReasonKind.CIRCUIT_BREAKER


def test_a_cluster_that_was_finalized_unseen_is_not_upgraded_again() -> None:
    """The status is from before its Prep, and its work went with the finalization."""
    engine = sites(2)
    engine.apply(ibgu("a", "Prep Upgrade FinalizeUpgrade", concurrency=1))
    engine.settle()
    write_status(engine, UID)
    while len(engine.spokes["site-1"].executed) < 3 or (UID, "site-1") in engine.works:
        engine.step()
    lose_journal(engine)
    engine.settle()
    assert engine.member(UID, 0, "site-1").state is MemberState.WAITING
    engine.annotate(UID, resume="1")
    engine.wait(hours=4)
    assert engine.tracked(UID).rollout.state is RolloutState.COMPLETE
    assert engine.member(UID, 0, "site-1").outcome is Outcome.SUCCEEDED
    for spoke in engine.spokes.values():
        assert [stage for _, stage in spoke.executed] == [Stage.PREP, Stage.UPGRADE, Stage.IDLE]
    assert told(certify(log_of(engine))) == []


def test_a_label_that_was_pending_in_an_older_journal_does_not_come_back() -> None:
    """The cluster is finalized since, and has no label any more."""
    engine = sites(1)
    engine.apply(ibgu("a", "Prep Upgrade FinalizeUpgrade"))
    engine.wait(minutes=12)
    while not engine.fleet.pending_patches:
        engine.step()
    kept = journal(engine)
    engine.wait(minutes=10)
    assert engine.labels["site-1"] == {}
    write_status(engine, UID)
    restore_journal(engine, kept)
    engine.annotate(UID, resume="1")
    engine.wait(hours=1)
    assert engine.labels["site-1"] == {}
    assert engine.tracked(UID).rollout.state is RolloutState.COMPLETE
    assert told(certify(log_of(engine))) == []

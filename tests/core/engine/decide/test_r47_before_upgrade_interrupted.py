"""A backup before an IBGU's Upgrade, and what comes in between: nothing is upgraded without a
recent one, and none is made once the Upgrade was asked for."""

from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from msgspec.structs import replace

from ibgu.core.drivers.ibu.actions import UPGRADE_BACKUP, Action, Stage
from ibgu.core.engine.state.action_ends import end_of, seed_end_of
from ibgu.core.model import (
    Cause,
    Kind,
    Outcome,
    ReasonKind,
    RolloutState,
    RunResult,
)
from tests.core.engine.decide.fleet import InMemoryEngine, ibgu
from tests.core.engine.decide.invariants import Invariants
from tests.core.engine.decide.restores import write_status
from tests.core.engine.decide.test_r20_adopt import Talm, prepared
from tests.core.engine.decide.test_r47_before_upgrade import (
    ASKED,
    UID,
    WatchedSpoke,
    asked,
    certified,
    runs,
    said,
    stages,
)
from tests.core.engine.decide.test_r47_interruptions import (
    AGO,
    hub_restored,
    journal_lost,
    journal_restored,
    restarted,
)


@pytest.fixture
def engine() -> Iterator[InMemoryEngine]:
    yield from certified("site-1", "site-2")


def backed_up(engine: InMemoryEngine, *steps: str, **annotations: str) -> None:
    """Goes on until the first cluster has its backup, and Upgrade is next."""
    asked(engine, *steps, **annotations)
    while RunResult.CONTINUED not in {run.result for run in said(engine, Kind.RUN_ENDED, "site-1")}:
        engine.step()


def conflict_at_arming(engine: InMemoryEngine, **later: int) -> None:
    """Goes on until Upgrade is to be armed, which does not reach the hub, and until it is tried
    again."""
    for _ in range(400):
        if any(run.action == "Upgrade" for run in said(engine, Kind.RUN_ARMING, "site-1")):
            break
        engine.step()
    engine.writes.clear()
    engine.now += timedelta(**later)
    engine.touch(UID, "site-1")


def why_withdrawn(engine: InMemoryEngine) -> list[str]:
    ended = said(engine, Kind.RUN_ENDED, "site-1")
    return [run.message for run in ended if run.result is RunResult.WITHDRAWN]


def test_a_backup_that_grows_old_before_the_arming_is_taken_again(engine: InMemoryEngine) -> None:
    backed_up(engine, "Prep Upgrade", backup_max_age="30")
    conflict_at_arming(engine, minutes=40)
    engine.drive()
    assert why_withdrawn(engine) == [f"not armed: {UPGRADE_BACKUP} is due now, and not Upgrade"]
    assert runs(engine, "site-1") == ["Prep", UPGRADE_BACKUP, "Upgrade", UPGRADE_BACKUP, "Upgrade"]
    assert stages(engine, "site-1") == ["Prep", "Upgrade"]
    assert len(engine.spokes["site-1"].made) == 2


def test_a_backup_that_is_asked_for_at_the_last_moment_is_taken(engine: InMemoryEngine) -> None:
    engine.apply(ibgu("a", "Prep Upgrade", concurrency=3, timeout=600))
    engine.until(Kind.RUN_ACCEPTED)
    conflict_at_arming(engine)
    engine.annotate(UID, **ASKED)
    engine.drive()
    assert runs(engine, "site-1") == ["Prep", "Upgrade", UPGRADE_BACKUP, "Upgrade"]
    assert len(engine.spokes["site-1"].made) == 1
    assert stages(engine, "site-1") == ["Prep", "Upgrade"]


def test_a_backup_that_nobody_asks_for_any_more_is_not_armed(engine: InMemoryEngine) -> None:
    asked(engine, "Prep Upgrade")
    while UPGRADE_BACKUP not in runs(engine, "site-1"):
        engine.step()
    obj = engine.ibgus[UID]
    engine.apply(replace(obj, metadata=replace(obj.metadata, annotations={})))
    engine.drive()
    assert stages(engine, "site-1") == ["Prep", "Upgrade"]
    assert engine.member(UID, 0, "site-1").outcome is Outcome.SUCCEEDED


def accepted_without_a_job(engine: InMemoryEngine) -> None:
    """Goes on until both clusters have accepted the run of their backup, and no Job is made yet."""
    asked(engine, "Prep Upgrade")
    for _ in range(400):
        taken = [
            run.action
            for name in engine.spokes
            for run in said(engine, Kind.RUN_ACCEPTED, name)
            if run.action == UPGRADE_BACKUP
        ]
        engine.job_writes.clear()
        if len(taken) == 2:
            break
        engine.step()
    engine.job_writes.clear()
    assert not engine.jobs


def test_a_backup_that_nobody_asks_for_any_more_makes_no_job(engine: InMemoryEngine) -> None:
    accepted_without_a_job(engine)
    obj = engine.ibgus[UID]
    engine.apply(replace(obj, metadata=replace(obj.metadata, annotations={})))
    engine.drive()
    for name, spoke in engine.spokes.items():
        assert spoke.made == []
        assert runs(engine, name) == ["Prep", UPGRADE_BACKUP, "Upgrade"]
        assert engine.member(UID, 0, name).outcome is Outcome.SUCCEEDED


@pytest.mark.parametrize("by", ["typing error", "setting"])
def test_no_job_is_made_while_the_backup_is_not_possible(engine: InMemoryEngine, by: str) -> None:
    accepted_without_a_job(engine)
    if by == "setting":
        engine.facts = replace(engine.facts, upgrade_backups=False)
        engine.touch_everything()
    else:
        engine.annotate(UID, backup_image="tools:latest")
    engine.wait(minutes=30)
    for name, spoke in engine.spokes.items():
        assert spoke.made == []
        assert engine.member(UID, 0, name).reason.kind is ReasonKind.BACKUP_NOT_POSSIBLE
    if by == "setting":
        engine.facts = replace(engine.facts, upgrade_backups=True)
        engine.touch_everything()
    else:
        engine.annotate(UID, **ASKED)
    engine.drive()
    for name, spoke in engine.spokes.items():
        assert len(spoke.made) == 1
        assert engine.member(UID, 0, name).outcome is Outcome.SUCCEEDED


def test_backups_that_fail_stop_no_circuit_breaker(engine: InMemoryEngine) -> None:
    for spoke in engine.spokes.values():
        spoke.job_failure = ("DeadlineExceeded", "Job was active too long")
    asked(engine, "Prep Upgrade")
    engine.drive()
    for name in engine.spokes:
        member = engine.member(UID, 0, name)
        assert (member.failed_action, member.cause) == (Action.UPGRADE, Cause.BACKUP_FAILED)
        assert end_of(member) is None
        assert seed_end_of(member) is None


def test_the_age_of_a_backup_counts_from_its_end(engine: InMemoryEngine) -> None:
    """A backup that takes longer than it may be old is not followed by another one."""
    for spoke in engine.spokes.values():
        spoke.job_time = timedelta(minutes=45)
    asked(engine, "Prep Upgrade", backup_max_age="30")
    engine.drive()
    for name in engine.spokes:
        assert runs(engine, name) == ["Prep", UPGRADE_BACKUP, "Upgrade"]


@pytest.mark.parametrize("step", ["Abort", "Rollback"])
def test_a_newer_rollout_that_cancels_gets_the_cluster_once_the_job_is_gone(
    engine: InMemoryEngine, step: str
) -> None:
    engine.spokes["site-1"].job_time = timedelta(hours=3)
    asked(engine, "Prep Upgrade")
    while not engine.spokes["site-1"].made:
        engine.step()
    if step == "Rollback":
        engine.labels["site-1"]["lcm.openshift.io/ibgu-upgrade-completed"] = ""
    newer = ibgu("b", step, concurrency=3, age=-60)
    engine.apply(newer)
    engine.drive()
    ended = engine.member(UID, 0, "site-1")
    assert (ended.outcome, ended.cause) == (Outcome.CANCELLED, Cause.PREEMPTED)
    assert engine.spokes["site-1"].jobs == {}
    assert not engine.jobs
    assert "Upgrade" not in stages(engine, "site-1")
    if step == "Abort":
        assert stages(engine, "site-1") == ["Prep", "Idle"]


def test_a_cluster_that_waits_is_skipped_without_a_backup(engine: InMemoryEngine) -> None:
    engine.spokes["site-1"].job_time = timedelta(hours=3)
    for name in engine.spokes:
        engine.spokes[name].to(Stage.PREP)
        engine.labels[name]["lcm.openshift.io/ibgu-prep-completed"] = ""
    engine.apply(ibgu("a", "Upgrade", concurrency=1, timeout=600))
    engine.annotate(UID, **ASKED)
    while not engine.spokes["site-1"].made:
        engine.step()
    engine.annotate(UID, skip="site-1,site-2")
    engine.drive()
    assert engine.member(UID, 0, "site-2").outcome is Outcome.SKIPPED
    assert engine.spokes["site-2"].made == []
    assert engine.member(UID, 0, "site-1").outcome is Outcome.SUCCEEDED, "it is in flight"


def test_an_upgrade_of_talm_goes_on_without_a_backup_and_the_rest_has_one(
    engine: InMemoryEngine,
) -> None:
    """An Upgrade that TALM has asked for can't be preceded by anything any more."""
    talm = Talm(engine, "Upgrade", concurrency=2)
    prepared(engine, "site-1", "site-2")
    talm.group(0, "Upgrade", batches=[["site-1"], ["site-2"]], batch=1)
    talm.begins("site-1", Action.UPGRADE)
    engine.annotate(talm.leave(), **ASKED)
    engine.wait(seconds=10)
    talm.removed()
    engine.wait(hours=3)
    assert engine.tracked(talm.uid).rollout.state is RolloutState.COMPLETE
    assert engine.spokes["site-1"].made == []
    assert len(engine.spokes["site-2"].made) == 1
    for name in engine.spokes:
        assert stages(engine, name) == ["Upgrade"]


def begun() -> InMemoryEngine:
    engine = InMemoryEngine("site-1", node=WatchedSpoke)
    engine.facts = replace(engine.facts, upgrade_backups=True)
    Invariants(engine)
    asked(engine, "Prep Upgrade")
    return engine


@pytest.mark.parametrize("point", [21, 27, 33, 39])
@pytest.mark.parametrize("interrupt", [restarted, journal_lost, journal_restored, hub_restored])
def test_an_interruption_anywhere_upgrades_nothing_without_its_backup(
    interrupt: Callable[[InMemoryEngine, InMemoryEngine], None], point: int
) -> None:
    engine, before = begun(), begun()
    for number in range(point):
        engine.step()
        if number < point - AGO:
            before.step()
    write_status(engine, UID)
    interrupt(engine, before)
    engine.settle()
    engine.wait(minutes=5)
    engine.annotate(UID, resume=f"{point}")
    engine.drive()
    spoke = engine.spokes["site-1"]
    assert engine.member(UID, 0, "site-1").outcome is Outcome.SUCCEEDED
    assert stages(engine, "site-1") == ["Prep", "Upgrade"]
    assert 1 <= len(spoke.made) <= 2
    assert spoke.jobs == {}
    assert not engine.jobs

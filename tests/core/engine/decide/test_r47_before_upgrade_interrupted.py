"""A backup before an IBGU's Upgrade, and what comes in between: nothing is upgraded without a
recent one, and none is made once the Upgrade was asked for."""

from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from msgspec.structs import replace

from ibgu.core.drivers.ibu.actions import UPGRADE_BACKUP, Action, Stage
from ibgu.core.engine.state.step import end_of, seed_end_of
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
def twin() -> Iterator[InMemoryEngine]:
    yield from certified("site-1", "site-2")


def backed_up(twin: InMemoryEngine, *steps: str, **annotations: str) -> None:
    """Goes on until the first cluster has its backup, and Upgrade is next."""
    asked(twin, *steps, **annotations)
    while RunResult.CONTINUED not in {run.result for run in said(twin, Kind.RUN_ENDED, "site-1")}:
        twin.step()


def conflict_at_arming(twin: InMemoryEngine, **later: int) -> None:
    """Goes on until Upgrade is to be armed, which does not reach the hub, and until it is tried
    again."""
    for _ in range(400):
        if any(run.action == "Upgrade" for run in said(twin, Kind.RUN_ARMING, "site-1")):
            break
        twin.step()
    twin.writes.clear()
    twin.now += timedelta(**later)
    twin.touch(UID, "site-1")


def why_withdrawn(twin: InMemoryEngine) -> list[str]:
    ended = said(twin, Kind.RUN_ENDED, "site-1")
    return [run.message for run in ended if run.result is RunResult.WITHDRAWN]


def test_a_backup_that_grows_old_before_the_arming_is_taken_again(twin: InMemoryEngine) -> None:
    backed_up(twin, "Prep Upgrade", backup_max_age="30")
    conflict_at_arming(twin, minutes=40)
    twin.drive()
    assert why_withdrawn(twin) == [f"not armed: {UPGRADE_BACKUP} is due now, and not Upgrade"]
    assert runs(twin, "site-1") == ["Prep", UPGRADE_BACKUP, "Upgrade", UPGRADE_BACKUP, "Upgrade"]
    assert stages(twin, "site-1") == ["Prep", "Upgrade"]
    assert len(twin.spokes["site-1"].made) == 2


def test_a_backup_that_is_asked_for_at_the_last_moment_is_taken(twin: InMemoryEngine) -> None:
    twin.apply(ibgu("a", "Prep Upgrade", concurrency=3, timeout=600))
    twin.until(Kind.RUN_ACCEPTED)
    conflict_at_arming(twin)
    twin.annotate(UID, **ASKED)
    twin.drive()
    assert runs(twin, "site-1") == ["Prep", "Upgrade", UPGRADE_BACKUP, "Upgrade"]
    assert len(twin.spokes["site-1"].made) == 1
    assert stages(twin, "site-1") == ["Prep", "Upgrade"]


def test_a_backup_that_nobody_asks_for_any_more_is_not_armed(twin: InMemoryEngine) -> None:
    asked(twin, "Prep Upgrade")
    while UPGRADE_BACKUP not in runs(twin, "site-1"):
        twin.step()
    obj = twin.ibgus[UID]
    twin.apply(replace(obj, metadata=replace(obj.metadata, annotations={})))
    twin.drive()
    assert stages(twin, "site-1") == ["Prep", "Upgrade"]
    assert twin.member(UID, 0, "site-1").outcome is Outcome.SUCCEEDED


def accepted_without_a_job(twin: InMemoryEngine) -> None:
    """Goes on until both clusters have accepted the run of their backup, and no Job is made yet."""
    asked(twin, "Prep Upgrade")
    for _ in range(400):
        taken = [
            run.action
            for name in twin.spokes
            for run in said(twin, Kind.RUN_ACCEPTED, name)
            if run.action == UPGRADE_BACKUP
        ]
        twin.job_writes.clear()
        if len(taken) == 2:
            break
        twin.step()
    twin.job_writes.clear()
    assert not twin.jobs


def test_a_backup_that_nobody_asks_for_any_more_makes_no_job(twin: InMemoryEngine) -> None:
    accepted_without_a_job(twin)
    obj = twin.ibgus[UID]
    twin.apply(replace(obj, metadata=replace(obj.metadata, annotations={})))
    twin.drive()
    for name, spoke in twin.spokes.items():
        assert spoke.made == []
        assert runs(twin, name) == ["Prep", UPGRADE_BACKUP, "Upgrade"]
        assert twin.member(UID, 0, name).outcome is Outcome.SUCCEEDED


@pytest.mark.parametrize("by", ["typing error", "setting"])
def test_no_job_is_made_while_the_backup_is_not_possible(twin: InMemoryEngine, by: str) -> None:
    accepted_without_a_job(twin)
    if by == "setting":
        twin.facts = replace(twin.facts, upgrade_backups=False)
        twin.touch_everything()
    else:
        twin.annotate(UID, backup_image="tools:latest")
    twin.wait(minutes=30)
    for name, spoke in twin.spokes.items():
        assert spoke.made == []
        assert twin.member(UID, 0, name).reason.kind is ReasonKind.BACKUP_NOT_POSSIBLE
    if by == "setting":
        twin.facts = replace(twin.facts, upgrade_backups=True)
        twin.touch_everything()
    else:
        twin.annotate(UID, **ASKED)
    twin.drive()
    for name, spoke in twin.spokes.items():
        assert len(spoke.made) == 1
        assert twin.member(UID, 0, name).outcome is Outcome.SUCCEEDED


def test_backups_that_fail_stop_no_circuit_breaker(twin: InMemoryEngine) -> None:
    for spoke in twin.spokes.values():
        spoke.job_failure = ("DeadlineExceeded", "Job was active too long")
    asked(twin, "Prep Upgrade")
    twin.drive()
    for name in twin.spokes:
        member = twin.member(UID, 0, name)
        assert (member.failed_action, member.cause) == (Action.UPGRADE, Cause.BACKUP_FAILED)
        assert end_of(member) is None
        assert seed_end_of(member) is None


def test_the_age_of_a_backup_counts_from_its_end(twin: InMemoryEngine) -> None:
    """A backup that takes longer than it may be old is not followed by another one."""
    for spoke in twin.spokes.values():
        spoke.job_time = timedelta(minutes=45)
    asked(twin, "Prep Upgrade", backup_max_age="30")
    twin.drive()
    for name in twin.spokes:
        assert runs(twin, name) == ["Prep", UPGRADE_BACKUP, "Upgrade"]


@pytest.mark.parametrize("step", ["Abort", "Rollback"])
def test_a_newer_rollout_that_cancels_gets_the_cluster_once_the_job_is_gone(
    twin: InMemoryEngine, step: str
) -> None:
    twin.spokes["site-1"].job_time = timedelta(hours=3)
    asked(twin, "Prep Upgrade")
    while not twin.spokes["site-1"].made:
        twin.step()
    if step == "Rollback":
        twin.labels["site-1"]["lcm.openshift.io/ibgu-upgrade-completed"] = ""
    newer = ibgu("b", step, concurrency=3, age=-60)
    twin.apply(newer)
    twin.drive()
    ended = twin.member(UID, 0, "site-1")
    assert (ended.outcome, ended.cause) == (Outcome.CANCELLED, Cause.PREEMPTED)
    assert twin.spokes["site-1"].jobs == {}
    assert not twin.jobs
    assert "Upgrade" not in stages(twin, "site-1")
    if step == "Abort":
        assert stages(twin, "site-1") == ["Prep", "Idle"]


def test_a_cluster_that_waits_is_skipped_without_a_backup(twin: InMemoryEngine) -> None:
    twin.spokes["site-1"].job_time = timedelta(hours=3)
    for name in twin.spokes:
        twin.spokes[name].to(Stage.PREP)
        twin.labels[name]["lcm.openshift.io/ibgu-prep-completed"] = ""
    twin.apply(ibgu("a", "Upgrade", concurrency=1, timeout=600))
    twin.annotate(UID, **ASKED)
    while not twin.spokes["site-1"].made:
        twin.step()
    twin.annotate(UID, skip="site-1,site-2")
    twin.drive()
    assert twin.member(UID, 0, "site-2").outcome is Outcome.SKIPPED
    assert twin.spokes["site-2"].made == []
    assert twin.member(UID, 0, "site-1").outcome is Outcome.SUCCEEDED, "it is in flight"


def test_an_upgrade_of_talm_goes_on_without_a_backup_and_the_rest_has_one(
    twin: InMemoryEngine,
) -> None:
    """An Upgrade that TALM has asked for can't be preceded by anything any more."""
    talm = Talm(twin, "Upgrade", concurrency=2)
    prepared(twin, "site-1", "site-2")
    talm.group(0, "Upgrade", batches=[["site-1"], ["site-2"]], batch=1)
    talm.begins("site-1", Action.UPGRADE)
    twin.annotate(talm.leave(), **ASKED)
    twin.wait(seconds=10)
    talm.removed()
    twin.wait(hours=3)
    assert twin.tracked(talm.uid).rollout.state is RolloutState.COMPLETE
    assert twin.spokes["site-1"].made == []
    assert len(twin.spokes["site-2"].made) == 1
    for name in twin.spokes:
        assert stages(twin, name) == ["Upgrade"]


def begun() -> InMemoryEngine:
    twin = InMemoryEngine("site-1", node=WatchedSpoke)
    twin.facts = replace(twin.facts, upgrade_backups=True)
    Invariants(twin)
    asked(twin, "Prep Upgrade")
    return twin


@pytest.mark.parametrize("point", [21, 27, 33, 39])
@pytest.mark.parametrize("interrupt", [restarted, journal_lost, journal_restored, hub_restored])
def test_an_interruption_anywhere_upgrades_nothing_without_its_backup(
    interrupt: Callable[[InMemoryEngine, InMemoryEngine], None], point: int
) -> None:
    twin, before = begun(), begun()
    for number in range(point):
        twin.step()
        if number < point - AGO:
            before.step()
    write_status(twin, UID)
    interrupt(twin, before)
    twin.settle()
    twin.wait(minutes=5)
    twin.annotate(UID, resume=f"{point}")
    twin.drive()
    spoke = twin.spokes["site-1"]
    assert twin.member(UID, 0, "site-1").outcome is Outcome.SUCCEEDED
    assert stages(twin, "site-1") == ["Prep", "Upgrade"]
    assert 1 <= len(spoke.made) <= 2
    assert spoke.jobs == {}
    assert not twin.jobs

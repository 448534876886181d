"""An action that a Job does: its work is there while the run needs it, and no longer."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from ibgu.core.drivers.cluster_version.driver import CLUSTER_VERSION
from ibgu.core.engine.timing.times import JOB_REMOVAL
from ibgu.core.model import (
    Cause,
    Ended,
    JobView,
    Kind,
    Outcome,
    ReasonKind,
    RolloutState,
    RunResult,
    names,
)
from ibgu.core.model.kinds import Backup, ClusterUpdate, PreCache, RolloutObject, RolloutSpec
from tests.core.drivers.cluster_version.version_node import VersionNode
from tests.core.drivers.cluster_version.version_samples import (
    INTERMEDIATE,
    NEW,
    OTHER,
    UPDATE,
)
from tests.core.engine.decide.fleet import InMemoryEngine, ibgu
from tests.core.engine.decide.invariants import Invariants
from tests.core.engine.decide.restores import backup, restore_hub
from tests.oracle.logs import certify, log_of, told
from tests.oracle.update_proofs import UPDATE_PROOFS

UID = "uid-z"
LATER = "2026-01-01T00:01:00+00:00"
SITES = ("site-1", "site-2", "site-3")
FAILED, COMPLETED = "ibgu.dev/fleet-backup-failed", "ibgu.dev/fleet-backup-completed"


def saved(*steps: str, concurrency: int = 3, timeout: int = 240, age: int = 240) -> RolloutObject:
    """Returns a FleetUpdate with a backup."""
    found = ibgu("z", *steps, concurrency=concurrency, timeout=timeout)
    spec = RolloutSpec(
        cluster_label_selectors=found.spec.cluster_label_selectors,
        plan=found.spec.plan,
        update=replace(UPDATE, backup=Backup("Etcd", OTHER, max_age_minutes=age)),
    )
    return replace(found, kind=names.FLEET_UPDATE, spec=spec)


def via(found: RolloutObject) -> RolloutObject:
    """Returns the FleetUpdate with an intermediate release."""
    assert found.spec.update is not None
    update: ClusterUpdate = replace(found.spec.update, via=INTERMEDIATE)
    spec: RolloutSpec = replace(found.spec, update=update)
    return replace(found, spec=spec)


@pytest.fixture
def engine() -> Iterator[InMemoryEngine]:
    engine = InMemoryEngine(*SITES, driver=CLUSTER_VERSION, node=VersionNode)
    invariants = Invariants(engine)
    yield engine
    invariants.at_rest()
    proofs = {names.FLEET_UPDATE: UPDATE_PROOFS}
    assert told(certify(log_of(engine), proofs=proofs)) == []


def spoke(engine: InMemoryEngine, name: str = "site-1") -> VersionNode:
    found: object = engine.spokes[name]
    assert isinstance(found, VersionNode)
    return found


def stages(engine: InMemoryEngine, name: str) -> list[str]:
    return [stage for _, stage in engine.spokes[name].executed]


def run_of(engine: InMemoryEngine, name: str = "site-1", step: int = 0) -> Ended:
    run = engine.member(UID, step, name).run
    assert isinstance(run, Ended)
    return run


def test_a_cluster_whose_job_succeeds_goes_on_and_nothing_of_the_job_is_left(
    engine: InMemoryEngine,
) -> None:
    engine.apply(saved("Check Backup Update"))
    engine.drive()
    assert engine.tracked(UID).rollout.state is RolloutState.COMPLETE
    for name in SITES:
        assert stages(engine, name) == ["Check", "Backup", "Update"]
        assert engine.member(UID, 0, name).outcome is Outcome.SUCCEEDED
        assert len(engine.spokes[name].made) == 1
        assert engine.spokes[name].jobs == {}


def test_the_jobs_of_two_actions_come_one_after_the_other(engine: InMemoryEngine) -> None:
    asked = saved("PreCache Backup Update")
    update = replace(asked.spec.update or UPDATE, pre_cache=PreCache(OTHER))
    for name in SITES:
        node: Any = engine.spokes[name]
        node.pools = []
    engine.apply(replace(asked, spec=replace(asked.spec, update=update)))
    engine.drive()
    for name in SITES:
        assert stages(engine, name) == ["PreCache", "Backup", "Update"]
        assert len(set(engine.spokes[name].made)) == 2


def test_a_cluster_whose_job_fails_is_not_updated_and_the_others_go_on(
    engine: InMemoryEngine,
) -> None:
    engine.spokes["site-2"].job_failure = ("DeadlineExceeded", "Job was active too long")
    engine.apply(saved("Backup", "Update"))
    engine.until(Kind.STEP_FINISHED)
    engine.settle()
    assert engine.labels["site-2"] == {FAILED: ""}
    engine.drive()
    failed = engine.member(UID, 0, "site-2")
    assert (failed.outcome, failed.cause) == (Outcome.FAILED, Cause.BACKUP_FAILED)
    assert failed.message == "BackupTimeout: DeadlineExceeded: Job was active too long"
    assert stages(engine, "site-2") == ["Backup"]
    assert sorted(engine.tracked(UID).steps[1].members) == ["site-1", "site-3"]
    assert stages(engine, "site-3") == ["Backup", "Update"]
    assert engine.member(UID, 0, "site-2").watched is False


def test_the_job_is_made_once_the_cluster_has_accepted_the_run(engine: InMemoryEngine) -> None:
    engine.apply(saved("Backup"))
    engine.until(Kind.RUN_ARMING)
    engine.deliver()
    assert engine.works[UID, "site-1"].wanted.armed
    assert not engine.jobs
    engine.until(Kind.RUN_ACCEPTED)
    engine.settle()
    assert {name for _, name in engine.jobs} == set(SITES)
    assert not any(work.wanted.armed for work in engine.works.values())
    reason = engine.member(UID, 0, "site-1").reason
    assert (reason.kind, reason.message) == (ReasonKind.RUNNING, "Active: the Job runs")
    engine.drive()


def test_a_job_that_somebody_deletes_while_its_run_is_open_is_made_again(
    engine: InMemoryEngine,
) -> None:
    engine.apply(saved("Backup", concurrency=1))
    engine.until(Kind.RUN_ACCEPTED)
    engine.settle()
    engine.spokes["site-1"].jobs.clear()
    engine.drive()
    assert len(engine.spokes["site-1"].made) == 2
    assert len(set(engine.spokes["site-1"].made)) == 1
    assert engine.member(UID, 0, "site-1").outcome is Outcome.SUCCEEDED


def test_the_next_action_waits_until_the_hub_no_longer_has_the_job(engine: InMemoryEngine) -> None:
    """A Job that vanishes while its work is there would be made again in mid-update."""
    engine.apply(saved("Backup Update", concurrency=1))
    engine.until(Kind.RUN_ACCEPTED)
    engine.settle()
    spoke = engine.spokes["site-1"]
    spoke.keeps_jobs = True
    engine.wait(minutes=5)
    member = engine.member(UID, 0, "site-1")
    assert run_of(engine).result is RunResult.SUCCEEDED
    assert not run_of(engine).disarmed
    assert (member.reason.kind, member.reason.message) == (
        ReasonKind.DISARMING,
        "removes what the run has brought",
    )
    assert engine.fleet.claims["uid-site-1"].rollout == UID
    assert stages(engine, "site-1") == ["Backup"]
    spoke.keeps_jobs = False
    engine.drive()
    assert stages(engine, "site-1") == ["Backup", "Update"]
    assert len(spoke.made) == 1


def test_a_job_that_does_not_go_holds_the_claim_for_ten_minutes_at_most(
    engine: InMemoryEngine,
) -> None:
    """No agent makes the Job of a work that is being deleted."""
    engine.apply(saved("Backup"))
    engine.until(Kind.RUN_ACCEPTED)
    engine.settle()
    spoke = engine.spokes["site-1"]
    spoke.dark = True
    engine.touch_cluster("site-1")
    engine.spokes["site-1"].keeps_jobs = True
    spoke.dark = False
    engine.drive(timedelta(minutes=12))
    assert "uid-site-1" in engine.fleet.claims
    engine.drive(timedelta(minutes=3))
    assert "uid-site-1" not in engine.fleet.claims
    assert run_of(engine).disarmed
    assert engine.now - run_of(engine).ended_at >= JOB_REMOVAL
    spoke.keeps_jobs = False
    engine.drive()


def test_a_cluster_that_goes_dark_in_its_backup_keeps_its_slot_until_it_is_back(
    engine: InMemoryEngine,
) -> None:
    engine.apply(saved("Backup", concurrency=1))
    engine.until(Kind.RUN_ACCEPTED)
    engine.settle()
    engine.spokes["site-1"].dark = True
    engine.touch_cluster("site-1")
    engine.wait(minutes=30)
    assert engine.member(UID, 0, "site-1").reason.kind is ReasonKind.UNREACHABLE
    engine.spokes["site-1"].dark = False
    engine.touch_cluster("site-1")
    engine.drive()
    assert engine.member(UID, 0, "site-1").outcome is Outcome.SUCCEEDED
    assert len(engine.spokes["site-1"].made) == 1


def test_a_deleted_rollout_takes_its_jobs_along(engine: InMemoryEngine) -> None:
    engine.apply(saved("Backup"))
    engine.until(Kind.RUN_ACCEPTED)
    engine.settle()
    engine.delete(UID)
    engine.settle()
    assert not engine.jobs
    assert all(spoke.jobs == {} for spoke in engine.spokes.values())
    assert not engine.fleet.claims


def test_a_newer_rollout_that_cancels_gets_the_cluster_once_the_job_is_gone(
    engine: InMemoryEngine,
) -> None:
    found: object = engine.spokes["site-1"]
    assert isinstance(found, VersionNode)
    found.wanted = NEW  # Somebody has asked for it: there is something to withdraw.
    found.keeps_jobs = True
    engine.apply(saved("Backup", concurrency=1))
    engine.until(Kind.RUN_ACCEPTED)
    engine.settle()
    older = engine.ibgus[UID]
    meta = replace(older.metadata, name="y", uid="uid-y", creation_timestamp=LATER)
    (retract,) = ibgu("y", "Retract").spec.plan
    spec = replace(older.spec, plan=[retract])
    engine.apply(replace(older, metadata=meta, spec=spec))
    engine.wait(minutes=5)
    assert engine.fleet.claims["uid-site-1"].rollout == UID
    assert run_of(engine).result is RunResult.PREEMPTED
    assert stages(engine, "site-1") == ["Backup"]
    found.keeps_jobs = False
    engine.drive()
    assert stages(engine, "site-1") == ["Backup", "Retract"]
    assert found.made == [f"job-{run_of(engine).id}"]


def test_a_job_past_the_steps_deadline_is_removed_and_does_not_count_later(
    engine: InMemoryEngine,
) -> None:
    engine.spokes["site-1"].job_time = timedelta(hours=3)
    engine.apply(saved("Backup", timeout=30))
    engine.drive()
    late = engine.member(UID, 0, "site-1")
    assert (late.outcome, late.cause, late.watched) == (Outcome.FAILED, Cause.TIMED_OUT, False)
    assert engine.labels["site-1"] == {FAILED: ""}
    assert engine.spokes["site-1"].jobs == {}


def test_a_job_work_that_the_hub_refuses_fails_the_run(engine: InMemoryEngine) -> None:
    engine.job_refusals[UID, "site-1"] = "admission webhook denied the request: no Jobs"
    engine.apply(saved("Backup"))
    engine.drive()
    refused = engine.member(UID, 0, "site-1")
    assert (refused.outcome, refused.cause) == (Outcome.FAILED, Cause.WRITE_REFUSED)
    assert refused.message.endswith("no Jobs")


def test_a_job_that_the_cluster_does_not_take_fails_the_run_after_two_minutes(
    engine: InMemoryEngine,
) -> None:
    engine.spokes["site-1"].job_error = "namespaces is forbidden"
    engine.apply(saved("Backup"))
    engine.until(Kind.RUN_ACCEPTED)
    engine.wait(minutes=1)
    assert engine.member(UID, 0, "site-1").reason.kind is ReasonKind.REFUSED
    engine.drive()
    refused = engine.member(UID, 0, "site-1")
    assert (refused.outcome, refused.cause) == (Outcome.FAILED, Cause.BACKUP_FAILED)
    assert refused.message == "the cluster does not take the Job: namespaces is forbidden"


def test_a_missing_right_to_write_the_job_work_becomes_the_reason(
    engine: InMemoryEngine,
) -> None:
    engine.apply(saved("Backup", concurrency=1))
    engine.until(Kind.RUN_ACCEPTED)
    engine.forbidden = True
    engine.settle()
    assert engine.member(UID, 0, "site-1").reason.kind is ReasonKind.FORBIDDEN
    engine.allow()
    engine.drive()
    assert engine.member(UID, 0, "site-1").outcome is Outcome.SUCCEEDED


def test_a_new_controller_goes_on_with_the_job_that_is_there(engine: InMemoryEngine) -> None:
    engine.apply(saved("Backup Update", concurrency=1))
    engine.until(Kind.RUN_ACCEPTED)
    engine.settle()
    engine.restart()
    engine.drive()
    assert stages(engine, "site-1") == ["Backup", "Update"]
    assert len(engine.spokes["site-1"].made) == 1


def test_the_job_of_another_run_is_removed_first(engine: InMemoryEngine) -> None:
    """Records that a restore took back may be of an earlier run than the work."""
    engine.apply(saved("Backup", concurrency=1))
    engine.until(Kind.RUN_ACCEPTED)
    engine.settle()
    work = engine.jobs[UID, "site-1"]
    mine, work.run = work.run, replace(work.run, id="another")
    work.job = JobView(name="job-another", complete=True)
    engine.touch(UID, "site-1")
    engine.settle()
    assert engine.jobs[UID, "site-1"].run.id == mine.id
    engine.drive()
    assert engine.member(UID, 0, "site-1").outcome is Outcome.SUCCEEDED


def test_the_claim_stays_while_the_deletion_of_the_job_is_on_its_way(
    engine: InMemoryEngine,
) -> None:
    engine.apply(saved("Backup", concurrency=1))
    engine.until(Kind.RUN_ENDED)
    assert engine.job_writes
    engine.touch(UID, "site-1")
    engine.turn()
    assert not run_of(engine).disarmed
    engine.drive()


def test_a_hub_restored_from_before_the_end_of_a_job_has_it_removed_again(
    engine: InMemoryEngine,
) -> None:
    """The update is under way by then, and a second backup must not begin."""
    engine.apply(saved("Backup Update", concurrency=1))
    engine.until(Kind.RUN_ACCEPTED)
    engine.settle()
    before = backup(engine)
    assert before.jobs
    while stages(engine, "site-1")[-1] != "Update":
        engine.step()
    engine.settle()
    restore_hub(engine, before)
    assert all(work.terminating for work in engine.jobs.values())
    assert len(engine.spokes["site-1"].made) == 1
    engine.annotate(UID, resume="1")
    engine.drive()
    assert len(engine.spokes["site-1"].made) == 1


def test_a_job_work_that_somebody_changes_proves_nothing_and_goes(
    engine: InMemoryEngine,
) -> None:
    engine.apply(saved("Backup", concurrency=1))
    engine.until(Kind.RUN_ACCEPTED)
    engine.settle()
    engine.jobs[UID, "site-1"].edited = True
    engine.touch(UID, "site-1")
    engine.drive()
    taken = engine.member(UID, 0, "site-1")
    assert (taken.outcome, taken.cause) == (Outcome.FAILED, Cause.TAKEN_OVER)
    assert engine.labels["site-1"] == {}
    assert engine.member(UID, 0, "site-2").outcome is Outcome.SUCCEEDED


def test_a_job_work_without_its_label_keeps_the_claim_until_it_is_gone(
    engine: InMemoryEngine,
) -> None:
    """Nobody watches it then: the update would begin beside the Job."""
    found = engine.spokes["site-1"]
    found.job_time = timedelta(hours=3)
    engine.apply(saved("Backup", concurrency=1, timeout=30))
    engine.until(Kind.RUN_ENDED)
    assert run_of(engine).result is RunResult.LIMIT
    engine.job_writes.clear()
    engine.unlabelled.add((UID, "site-1"))
    engine.touch(UID, "site-1")
    engine.turn()
    assert not run_of(engine).disarmed
    assert engine.member(UID, 0, "site-1").reason.kind is ReasonKind.DISARMING
    engine.drive()
    assert run_of(engine).disarmed
    assert not engine.jobs
    assert found.jobs == {}


def test_the_hub_is_asked_for_a_job_work_before_the_claim_is_released(
    engine: InMemoryEngine,
) -> None:
    engine.apply(saved("Backup Update", concurrency=1))
    engine.until(Kind.RUN_ENDED)
    while engine.jobs:
        engine.step()
    engine.turn()
    assert not run_of(engine).disarmed
    engine.restart()
    engine.turn()
    assert engine.job_questions == {(UID, "site-1"): run_of(engine).id}
    engine.drive()
    assert engine.member(UID, 0, "site-1").outcome is Outcome.SUCCEEDED


def test_a_job_work_that_loses_its_label_while_its_run_is_open_gets_it_back(
    engine: InMemoryEngine,
) -> None:
    engine.apply(saved("Backup", concurrency=1))
    engine.until(Kind.RUN_ACCEPTED)
    engine.settle()
    engine.unlabelled.add((UID, "site-1"))
    engine.touch(UID, "site-1")
    engine.drive()
    assert engine.member(UID, 0, "site-1").outcome is Outcome.SUCCEEDED
    assert len(engine.spokes["site-1"].made) == 1


def test_a_restored_hub_makes_no_job_until_a_person_resumes(engine: InMemoryEngine) -> None:
    engine.apply(saved("Backup", concurrency=1))
    engine.until(Kind.RUN_ACCEPTED)
    restore_hub(engine, backup(engine))
    engine.wait(minutes=30)
    assert not engine.jobs
    assert engine.spokes["site-1"].made == []
    words = "the work of the run is made once the rollout is resumed"
    assert engine.member(UID, 0, "site-1").reason.message == words
    engine.annotate(UID, resume="1")
    engine.drive()
    assert len(engine.spokes["site-1"].made) == 1

"""The backup before an IBGU's Upgrade, where annotations ask for it: a part of Upgrade, by a run of
its own."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from msgspec.structs import replace

from ibgu.core.drivers.ibu.actions import UPGRADE_BACKUP, Action, Stage
from ibgu.core.model import Cause, Kind, OnMember, Outcome, ReasonKind, RolloutState, Run, RunResult
from tests.core.drivers.cluster_version.version_samples import NEW
from tests.core.engine.decide.fleet import InMemoryEngine, ibgu
from tests.core.engine.decide.invariants import Invariants
from tests.core.engine.decide.spoke import Spoke
from tests.oracle.logs import certify, log_of, told

UID = "uid-a"
SITES = ("site-1", "site-2", "site-3")
ASKED = {"backup": "Etcd", "backup_image": NEW}


class WatchedSpoke(Spoke):
    """A cluster in which nothing may be backed up once its Upgrade was asked for."""

    def make_job(self, name: str) -> None:
        assert Stage.UPGRADE not in [stage for _, stage in self.executed], "a backup in mid-upgrade"
        super().make_job(name)


def certified(*clusters: str) -> Iterator[InMemoryEngine]:
    """Yields an engine of a hub that allows backups; in the end its history is certified."""
    engine = InMemoryEngine(*clusters, node=WatchedSpoke)
    engine.facts = replace(engine.facts, upgrade_backups=True)
    invariants = Invariants(engine)
    yield engine
    invariants.at_rest()
    assert told(certify(log_of(engine))) == []


@pytest.fixture
def engine() -> Iterator[InMemoryEngine]:
    yield from certified(*SITES)


def asked(engine: InMemoryEngine, *steps: str, **annotations: str) -> None:
    engine.apply(ibgu("a", *steps, concurrency=3, timeout=600))
    engine.annotate(UID, **(ASKED | annotations))


def runs(engine: InMemoryEngine, name: str) -> list[str]:
    """Returns the actions of the cluster's runs, in order."""
    return [run.action for run in said(engine, Kind.RUN_INTENDED, name)]


def said(engine: InMemoryEngine, kind: Kind, name: str) -> list[Run]:
    """Returns the cluster's runs as the decisions of that kind have left them."""
    found = [event.decision for event in engine.said]
    members = [each.member for each in found if isinstance(each, OnMember) and each.kind is kind]
    return [each.run for each in members if each.cluster == name and each.run is not None]


def stages(engine: InMemoryEngine, name: str) -> list[str]:
    return [str(stage) for _, stage in engine.spokes[name].executed]


@pytest.mark.parametrize("steps", [("Prep", "Upgrade"), ("Prep Upgrade",)])
def test_each_cluster_is_backed_up_right_before_its_upgrade(
    engine: InMemoryEngine, steps: tuple[str, ...]
) -> None:
    asked(engine, *steps)
    engine.drive()
    assert engine.tracked(UID).rollout.state is RolloutState.COMPLETE
    for name in SITES:
        assert runs(engine, name) == ["Prep", UPGRADE_BACKUP, "Upgrade"]
        assert stages(engine, name) == ["Prep", "Upgrade"]
        assert len(engine.spokes[name].made) == 1
        assert engine.spokes[name].jobs == {}
        last = engine.member(UID, len(steps) - 1, name)
        assert last.outcome is Outcome.SUCCEEDED
        assert [done.action for done in last.completed][-1] == "Upgrade"
        assert "lcm.openshift.io/ibgu-upgrade-completed" in engine.labels[name]


def test_a_cluster_without_a_backup_is_not_upgraded_and_the_others_are(
    engine: InMemoryEngine,
) -> None:
    engine.spokes["site-2"].job_failure = ("DeadlineExceeded", "Job was active too long")
    asked(engine, "Prep", "Upgrade", "AbortOnFailure")
    engine.drive()
    failed = engine.member(UID, 1, "site-2")
    assert (failed.outcome, failed.cause) == (Outcome.FAILED, Cause.BACKUP_FAILED)
    assert failed.failed_action == Action.UPGRADE
    assert failed.message == "BackupTimeout: DeadlineExceeded: Job was active too long"
    assert not failed.watched
    assert stages(engine, "site-2") == ["Prep", "Idle"], "AbortOnFailure takes it back"
    assert stages(engine, "site-1") == ["Prep", "Upgrade"]


def test_without_the_annotation_nothing_is_backed_up(engine: InMemoryEngine) -> None:
    engine.apply(ibgu("a", "Prep Upgrade"))
    engine.drive()
    assert runs(engine, "site-1") == ["Prep", "Upgrade"]
    assert engine.spokes["site-1"].made == []


@pytest.mark.parametrize(
    ("steps", "begun"), [(("Prep", "Upgrade"), ["Prep"]), (("Prep Upgrade",), [])]
)
def test_a_hub_that_does_not_allow_backups_holds_a_step_with_upgrade(
    steps: tuple[str, ...], begun: list[str]
) -> None:
    engine = InMemoryEngine(*SITES)
    Invariants(engine)
    engine.facts = replace(engine.facts, upgrade_backups=False)
    asked(engine, *steps)
    engine.wait(hours=2)
    for name in SITES:
        assert stages(engine, name) == begun
    hold = engine.tracked(UID).steps[-1].step.hold
    assert hold is not None
    assert hold.kind is ReasonKind.BACKUP_NOT_POSSIBLE
    assert engine.tracked(UID).steps[-1].step.stopped_since is not None
    engine.facts = replace(engine.facts, upgrade_backups=True)
    engine.touch_everything()
    engine.drive()
    assert stages(engine, "site-1") == ["Prep", "Upgrade"]
    assert len(engine.spokes["site-1"].made) == 1


def test_a_chain_that_a_typing_error_keeps_goes_on_once_it_is_corrected(
    engine: InMemoryEngine,
) -> None:
    engine.apply(ibgu("a", "Prep Upgrade", concurrency=3, timeout=600))
    engine.until(Kind.RUN_ACCEPTED)
    engine.annotate(UID, **(ASKED | {"backup": "etcd"}))
    engine.wait(hours=1)
    for name in SITES:
        assert stages(engine, name) == ["Prep"]
        assert engine.member(UID, 0, name).reason.kind is ReasonKind.BACKUP_NOT_POSSIBLE
    engine.annotate(UID, **ASKED)
    engine.drive()
    for name in SITES:
        assert runs(engine, name) == ["Prep", UPGRADE_BACKUP, "Upgrade"]
        assert engine.member(UID, 0, name).outcome is Outcome.SUCCEEDED


def test_a_typing_error_holds_upgrade_until_it_is_corrected(engine: InMemoryEngine) -> None:
    asked(engine, "Prep", "Upgrade", backup="etcd")
    engine.wait(hours=1)
    hold = engine.tracked(UID).steps[1].step.hold
    assert hold is not None
    assert hold.kind is ReasonKind.BACKUP_NOT_POSSIBLE
    assert "ibgu.dev/backup: etcd is not Etcd or Full" in hold.message
    engine.annotate(UID, **ASKED)
    engine.drive()
    assert stages(engine, "site-1") == ["Prep", "Upgrade"]
    assert len(engine.spokes["site-1"].made) == 1


def test_a_rollout_that_is_deleted_in_a_backup_leaves_no_job(engine: InMemoryEngine) -> None:
    engine.spokes["site-1"].job_time = timedelta(hours=3)
    asked(engine, "Prep Upgrade")
    while not engine.spokes["site-1"].made:
        engine.step()
    engine.delete(UID)
    engine.drive()
    assert not engine.jobs
    assert engine.spokes["site-1"].jobs == {}
    assert stages(engine, "site-1") == ["Prep"]


def test_a_backup_past_the_steps_deadline_fails_upgrade(engine: InMemoryEngine) -> None:
    engine.spokes["site-1"].job_time = timedelta(days=2)
    asked(engine, "Prep Upgrade")
    engine.drive()
    late = engine.member(UID, 0, "site-1")
    assert (late.outcome, late.cause) == (Outcome.FAILED, Cause.TIMED_OUT)
    assert late.failed_action == Action.UPGRADE
    assert engine.spokes["site-1"].jobs == {}
    assert "lcm.openshift.io/ibgu-upgrade-failed" in engine.labels["site-1"]


def test_a_backup_that_has_grown_old_behind_a_gate_is_taken_again(engine: InMemoryEngine) -> None:
    asked(engine, "Prep Upgrade", backup_max_age="30", hold_on_warning="yes")
    while RunResult.CONTINUED not in {run.result for run in said(engine, Kind.RUN_ENDED, "site-1")}:
        engine.step()
    engine.spokes["site-1"].dark = True
    engine.touch_cluster("site-1")
    engine.wait(hours=2)
    engine.spokes["site-1"].dark = False
    engine.touch_cluster("site-1")
    engine.drive()
    assert runs(engine, "site-1") == ["Prep", UPGRADE_BACKUP, UPGRADE_BACKUP, "Upgrade"]
    assert engine.member(UID, 0, "site-1").outcome is Outcome.SUCCEEDED


def test_a_restart_anywhere_makes_no_second_backup_in_mid_upgrade() -> None:
    for point in range(4, 200, 3):
        engine = InMemoryEngine("site-1", node=WatchedSpoke)
        engine.facts = replace(engine.facts, upgrade_backups=True)
        invariants = Invariants(engine)
        asked(engine, "Prep Upgrade")
        for _ in range(point):
            engine.step()
        over = engine.fleet.rollouts[UID].rollout.state is RolloutState.COMPLETE
        engine.restart()
        engine.drive()
        invariants.at_rest()
        assert engine.member(UID, 0, "site-1").outcome is Outcome.SUCCEEDED
        assert len(set(engine.spokes["site-1"].made)) == 1
        if over:
            return


@pytest.mark.parametrize("holds", ["time", "a pause"])
def test_a_cluster_that_was_backed_up_is_upgraded(engine: InMemoryEngine, holds: str) -> None:
    """The time that was enough for the backup and the Upgrade is not asked for again."""
    name = "site-1"
    cluster = engine.spokes[name]
    cluster.to(Stage.PREP)
    cluster.job_time = timedelta(minutes=6)
    cluster.dark = holds == "time"
    engine.labels[name] = {"lcm.openshift.io/ibgu-prep-completed": ""}
    engine.apply(ibgu("a", "Upgrade", timeout=240))
    engine.annotate(UID, **ASKED)
    engine.wait(minutes=180)
    cluster.dark = False
    engine.touch_cluster(name)
    engine.wait(minutes=2)
    if holds == "a pause":
        engine.annotate(UID, pause="yes")
    engine.wait(minutes=90)
    assert engine.member(UID, 0, name).outcome is Outcome.SUCCEEDED
    assert runs(engine, name) == [UPGRADE_BACKUP, "Upgrade"]

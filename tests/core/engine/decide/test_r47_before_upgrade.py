"""The backup before an IBGU's Upgrade, where annotations ask for it: a part of Upgrade, by a run of
its own."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from msgspec.structs import replace

from ibgu.core.drivers.ibu.actions import UPGRADE_BACKUP, Action, Stage
from ibgu.core.model import Cause, Kind, OnMember, Outcome, ReasonKind, RolloutState, Run, RunResult
from tests.core.assurance.certify.logs import certify, log_of, told
from tests.core.drivers.cluster_version.version_samples import NEW
from tests.core.engine.decide.fleet import InMemoryEngine, ibgu
from tests.core.engine.decide.invariants import Invariants
from tests.core.engine.decide.spoke import Spoke

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
    twin = InMemoryEngine(*clusters, node=WatchedSpoke)
    twin.facts = replace(twin.facts, upgrade_backups=True)
    invariants = Invariants(twin)
    yield twin
    invariants.at_rest()
    assert told(certify(log_of(twin))) == []


@pytest.fixture
def twin() -> Iterator[InMemoryEngine]:
    yield from certified(*SITES)


def asked(twin: InMemoryEngine, *steps: str, **annotations: str) -> None:
    twin.apply(ibgu("a", *steps, concurrency=3, timeout=600))
    twin.annotate(UID, **(ASKED | annotations))


def runs(twin: InMemoryEngine, name: str) -> list[str]:
    """Returns the actions of the cluster's runs, in order."""
    return [run.action for run in said(twin, Kind.RUN_INTENDED, name)]


def said(twin: InMemoryEngine, kind: Kind, name: str) -> list[Run]:
    """Returns the cluster's runs as the decisions of that kind have left them."""
    found = [event.decision for event in twin.said]
    members = [each.member for each in found if isinstance(each, OnMember) and each.kind is kind]
    return [each.run for each in members if each.cluster == name and each.run is not None]


def stages(twin: InMemoryEngine, name: str) -> list[str]:
    return [str(stage) for _, stage in twin.spokes[name].executed]


@pytest.mark.parametrize("steps", [("Prep", "Upgrade"), ("Prep Upgrade",)])
def test_each_cluster_is_backed_up_right_before_its_upgrade(
    twin: InMemoryEngine, steps: tuple[str, ...]
) -> None:
    asked(twin, *steps)
    twin.drive()
    assert twin.tracked(UID).rollout.state is RolloutState.COMPLETE
    for name in SITES:
        assert runs(twin, name) == ["Prep", UPGRADE_BACKUP, "Upgrade"]
        assert stages(twin, name) == ["Prep", "Upgrade"]
        assert len(twin.spokes[name].made) == 1
        assert twin.spokes[name].jobs == {}
        last = twin.member(UID, len(steps) - 1, name)
        assert last.outcome is Outcome.SUCCEEDED
        assert [done.action for done in last.completed][-1] == "Upgrade"
        assert "lcm.openshift.io/ibgu-upgrade-completed" in twin.labels[name]


def test_a_cluster_without_a_backup_is_not_upgraded_and_the_others_are(
    twin: InMemoryEngine,
) -> None:
    twin.spokes["site-2"].job_failure = ("DeadlineExceeded", "Job was active too long")
    asked(twin, "Prep", "Upgrade", "AbortOnFailure")
    twin.drive()
    failed = twin.member(UID, 1, "site-2")
    assert (failed.outcome, failed.cause) == (Outcome.FAILED, Cause.BACKUP_FAILED)
    assert failed.failed_action == Action.UPGRADE
    assert failed.message == "BackupTimeout: DeadlineExceeded: Job was active too long"
    assert not failed.watched
    assert stages(twin, "site-2") == ["Prep", "Idle"], "AbortOnFailure takes it back"
    assert stages(twin, "site-1") == ["Prep", "Upgrade"]


def test_without_the_annotation_nothing_is_backed_up(twin: InMemoryEngine) -> None:
    twin.apply(ibgu("a", "Prep Upgrade"))
    twin.drive()
    assert runs(twin, "site-1") == ["Prep", "Upgrade"]
    assert twin.spokes["site-1"].made == []


@pytest.mark.parametrize(
    ("steps", "begun"), [(("Prep", "Upgrade"), ["Prep"]), (("Prep Upgrade",), [])]
)
def test_a_hub_that_does_not_allow_backups_holds_a_step_with_upgrade(
    steps: tuple[str, ...], begun: list[str]
) -> None:
    twin = InMemoryEngine(*SITES)
    Invariants(twin)
    twin.facts = replace(twin.facts, upgrade_backups=False)
    asked(twin, *steps)
    twin.wait(hours=2)
    for name in SITES:
        assert stages(twin, name) == begun
    hold = twin.tracked(UID).steps[-1].step.hold
    assert hold is not None
    assert hold.kind is ReasonKind.BACKUP_NOT_POSSIBLE
    assert twin.tracked(UID).steps[-1].step.stopped_since is not None
    twin.facts = replace(twin.facts, upgrade_backups=True)
    twin.touch_everything()
    twin.drive()
    assert stages(twin, "site-1") == ["Prep", "Upgrade"]
    assert len(twin.spokes["site-1"].made) == 1


def test_a_chain_that_a_typing_error_keeps_goes_on_once_it_is_corrected(
    twin: InMemoryEngine,
) -> None:
    twin.apply(ibgu("a", "Prep Upgrade", concurrency=3, timeout=600))
    twin.until(Kind.RUN_ACCEPTED)
    twin.annotate(UID, **(ASKED | {"backup": "etcd"}))
    twin.wait(hours=1)
    for name in SITES:
        assert stages(twin, name) == ["Prep"]
        assert twin.member(UID, 0, name).reason.kind is ReasonKind.BACKUP_NOT_POSSIBLE
    twin.annotate(UID, **ASKED)
    twin.drive()
    for name in SITES:
        assert runs(twin, name) == ["Prep", UPGRADE_BACKUP, "Upgrade"]
        assert twin.member(UID, 0, name).outcome is Outcome.SUCCEEDED


def test_a_typing_error_holds_upgrade_until_it_is_corrected(twin: InMemoryEngine) -> None:
    asked(twin, "Prep", "Upgrade", backup="etcd")
    twin.wait(hours=1)
    hold = twin.tracked(UID).steps[1].step.hold
    assert hold is not None
    assert hold.kind is ReasonKind.BACKUP_NOT_POSSIBLE
    assert "ibgu.dev/backup: etcd is not Etcd or Full" in hold.message
    twin.annotate(UID, **ASKED)
    twin.drive()
    assert stages(twin, "site-1") == ["Prep", "Upgrade"]
    assert len(twin.spokes["site-1"].made) == 1


def test_a_rollout_that_is_deleted_in_a_backup_leaves_no_job(twin: InMemoryEngine) -> None:
    twin.spokes["site-1"].job_time = timedelta(hours=3)
    asked(twin, "Prep Upgrade")
    while not twin.spokes["site-1"].made:
        twin.step()
    twin.delete(UID)
    twin.drive()
    assert not twin.jobs
    assert twin.spokes["site-1"].jobs == {}
    assert stages(twin, "site-1") == ["Prep"]


def test_a_backup_past_the_steps_deadline_fails_upgrade(twin: InMemoryEngine) -> None:
    twin.spokes["site-1"].job_time = timedelta(days=2)
    asked(twin, "Prep Upgrade")
    twin.drive()
    late = twin.member(UID, 0, "site-1")
    assert (late.outcome, late.cause) == (Outcome.FAILED, Cause.TIMED_OUT)
    assert late.failed_action == Action.UPGRADE
    assert twin.spokes["site-1"].jobs == {}
    assert "lcm.openshift.io/ibgu-upgrade-failed" in twin.labels["site-1"]


def test_a_backup_that_has_grown_old_behind_a_gate_is_taken_again(twin: InMemoryEngine) -> None:
    asked(twin, "Prep Upgrade", backup_max_age="30", hold_on_warning="yes")
    while RunResult.CONTINUED not in {run.result for run in said(twin, Kind.RUN_ENDED, "site-1")}:
        twin.step()
    twin.spokes["site-1"].dark = True
    twin.touch_cluster("site-1")
    twin.wait(hours=2)
    twin.spokes["site-1"].dark = False
    twin.touch_cluster("site-1")
    twin.drive()
    assert runs(twin, "site-1") == ["Prep", UPGRADE_BACKUP, UPGRADE_BACKUP, "Upgrade"]
    assert twin.member(UID, 0, "site-1").outcome is Outcome.SUCCEEDED


def test_a_restart_anywhere_makes_no_second_backup_in_mid_upgrade() -> None:
    for point in range(4, 200, 3):
        twin = InMemoryEngine("site-1", node=WatchedSpoke)
        twin.facts = replace(twin.facts, upgrade_backups=True)
        invariants = Invariants(twin)
        asked(twin, "Prep Upgrade")
        for _ in range(point):
            twin.step()
        over = twin.fleet.rollouts[UID].rollout.state is RolloutState.COMPLETE
        twin.restart()
        twin.drive()
        invariants.at_rest()
        assert twin.member(UID, 0, "site-1").outcome is Outcome.SUCCEEDED
        assert len(set(twin.spokes["site-1"].made)) == 1
        if over:
            return

"""The way back of a cluster after an image-based upgrade, where a backup came before it."""

from datetime import timedelta
from typing import Any

import pytest

from ibgu.core.drivers.ibu.actions import UPGRADE_BACKUP
from ibgu.core.drivers.recoveries import RECOVERIES
from ibgu.core.model import Cause, Ended, RunResult, names
from ibgu.core.model.kinds import IbuSpec, RolloutSpec, SeedImageRef
from ibgu.core.model.recovery import ClusterRecovery, RecoveryCase
from tests.core.drivers.cluster_version.version_samples import NEW
from tests.core.engine.state.records import NOW

FULL = {names.BACKUP: "Full", names.BACKUP_IMAGE: NEW}
_CLEAN_UP = 'ibgu confirm-cleanup ran-417 edge-1 -n ran --reason "what was cleaned up"'
REPORT = "node=edge-1 path=/var/recovery/backup-b1 mib=2134"
BACKED_UP = Ended(
    id="b1",
    action=UPGRADE_BACKUP,
    attempt=1,
    intended_at=NOW,
    arming_at=NOW,
    ended_at=NOW - timedelta(hours=1),
    result=RunResult.CONTINUED,
)


def recovery(controls: dict[str, str], **changes: Any) -> ClusterRecovery:
    spec = RolloutSpec(ibu_spec=IbuSpec(seed_image_ref=SeedImageRef(version="4.17.0")))
    known: dict[str, Any] = {
        "cluster": "edge-1",
        "namespace": "ran",
        "rollout": "ran-417",
        "spec": spec,
        "controls": controls,
        "runs": [BACKED_UP],
        "shown": {"b1": {"job": {"report": REPORT}}},
    }
    return RECOVERIES[names.IBGU](RecoveryCase(**(known | changes)))


def commands(found: ClusterRecovery) -> list[str]:
    return [line for step in found.steps for line in step.commands]


def test_a_full_backup_comes_after_the_ways_of_the_upgrade_itself() -> None:
    found = recovery(FULL)
    assert found.facts["backup"].startswith("Full, taken at ")
    assert found.facts["path"] == "/var/recovery/backup-b1"
    assert commands(found) == [
        "ibgu explain ran-417 edge-1 -n ran",
        "oc get clusterversion,nodes,clusteroperators,ibu",
        "ibgu retry ran-417 edge-1 -n ran --abort-first",
        "ibgu rollback ran-417 edge-1 -n ran",
        "sudo rpm-ostree status",
        "ssh core@edge-1",
        "sudo -i",
        "/var/recovery/upgrade-recovery.sh",
        "systemctl reboot",
        "/var/recovery/upgrade-recovery.sh --resume",
        "oc get clusterversion,nodes,clusteroperators,ibu",
    ]


def test_a_path_that_the_annotations_do_not_name_is_not_shown() -> None:
    found = recovery(FULL | {names.BACKUP: "Etcd"})
    assert found.facts["path"] == "not known"
    assert len(found.steps) == 4, "no step restores another form than that of the backup"


@pytest.mark.parametrize(
    ("cause", "way"),
    [
        (Cause.UPGRADE_FAILED_AFTER_PIVOT, "ibgu rollback ran-417 edge-1 -n ran --failed"),
        (Cause.ABORT_FAILED, _CLEAN_UP),
        (Cause.FINALIZE_FAILED, _CLEAN_UP),
        (Cause.ROLLBACK_FAILED, "oc get clusterversion,nodes,clusteroperators,ibu"),
    ],
)
def test_a_cluster_that_only_one_command_takes_further_gets_that_one(
    cause: Cause, way: str
) -> None:
    assert commands(recovery({}, cause=cause))[1:] == [way]


def test_a_cluster_that_has_not_failed_is_not_tried_again() -> None:
    found = recovery({}, finished=True)
    assert found.headline == "the cluster has not failed in this rollout"
    assert "ibgu retry ran-417 edge-1 -n ran --abort-first" not in commands(found)
    assert "ibgu rollback ran-417 edge-1 -n ran" in commands(found)


def test_a_cluster_in_flight_is_waited_for() -> None:
    found = recovery({}, in_flight=True)
    assert found.headline.startswith("the cluster is in flight: wait until its action has ended")


def test_without_a_backup_there_is_no_such_way() -> None:
    assert recovery(FULL, runs=[]).facts["backup"] == "none has succeeded in this rollout"
    for controls in (FULL, {}, FULL | {names.BACKUP: "x"}):
        assert len(recovery(controls, runs=[]).steps) == 4
    assert "backup" not in recovery({}, runs=[]).facts


def test_a_backup_outlives_the_annotations_that_asked_for_it() -> None:
    for controls in ({}, FULL | {names.BACKUP: "x"}):
        assert recovery(controls).facts["backup"] == (
            "taken at 2026-01-01 11:00 UTC; the annotations that asked for it are gone, or can't "
            "be read"
        )

"""The way back of a cluster after an update, by what is known of it."""

from datetime import timedelta
from typing import Any

from ibgu.core.drivers.cluster_version.recovery import GUIDE
from ibgu.core.drivers.recoveries import RECOVERIES
from ibgu.core.model import Accepted, Cause, Ended, RunResult
from ibgu.core.model.kinds import Backup, IbuSpec, RolloutSpec, SeedImageRef
from ibgu.core.model.names import FLEET_UPDATE, IBGU
from ibgu.core.model.recovery import ClusterRecovery, RecoveryCase
from tests.core.drivers.cluster_version.version_samples import (
    INTERMEDIATE,
    NEW,
    OLD,
    VIA,
    with_update,
)
from tests.core.engine.state.records import NOW

REPORT = "node=edge-1 path=/var/recovery/backup-b1 mib=2134"
UPDATE = Ended(
    id="u1",
    action="Update",
    attempt=1,
    intended_at=NOW,
    arming_at=NOW,
    accepted_at=NOW,
    ended_at=NOW,
    result=RunResult.LIMIT,
    cause=Cause.TIMED_OUT,
)
BACKED_UP = Ended(
    id="b1",
    action="Backup",
    attempt=1,
    intended_at=NOW,
    arming_at=NOW,
    ended_at=NOW - timedelta(hours=1),
    result=RunResult.SUCCEEDED,
)
FULL, ETCD = Backup("Full", NEW), Backup("Etcd", NEW)


def recovery(backup: Backup | None = FULL, **changes: Any) -> ClusterRecovery:
    known: dict[str, Any] = {
        "cluster": "edge-1",
        "namespace": "ran",
        "rollout": "z-stream",
        "spec": with_update(backup=backup).spec,
        "runs": [BACKED_UP, UPDATE],
        "finished": True,
        "message": "timed out",
        "shown": {"b1": {"desired": OLD, "job": {"report": REPORT}}},
    }
    return RECOVERIES[FLEET_UPDATE](RecoveryCase(**(known | changes)))


def commands(found: ClusterRecovery) -> list[str]:
    return [line for step in found.steps for line in step.commands]


def test_a_full_backup_takes_the_node_back_in_the_order_of_its_script() -> None:
    found = recovery()
    assert found.headline.startswith("the cluster can go back to its full backup")
    assert found.guide == GUIDE
    assert commands(found)[4:] == [
        "ssh core@edge-1",
        "sudo -i",
        "/var/recovery/upgrade-recovery.sh",
        "systemctl reboot",
        "/var/recovery/upgrade-recovery.sh --resume",
        "oc get clusterversion,nodes,clusteroperators",
    ]


def test_the_facts_name_an_intermediate_release() -> None:
    spec = with_update(backup=FULL, via=INTERMEDIATE).spec
    assert dict(recovery(spec=spec).facts)["via"] == f"4.15.20 {VIA}"


def test_the_facts_are_those_of_this_very_site() -> None:
    assert dict(recovery().facts) == {
        "release": f"4.16.12 {NEW}",
        "before": OLD,
        "said": "timed out",
        "backup": f"Full, taken at {NOW - timedelta(hours=1):%Y-%m-%d %H:%M} UTC, 2134 MiB",
        "node": "edge-1, as the cluster reports",
        "path": "/var/recovery/backup-b1",
    }


def test_forward_comes_first() -> None:
    assert commands(recovery())[0] == "ibgu explain z-stream edge-1 -n ran"


def test_a_cluster_that_is_still_in_the_rollout_is_taken_out_of_it() -> None:
    assert "ibgu skip z-stream edge-1 -n ran" in commands(recovery(finished=False))
    assert "ibgu skip z-stream edge-1 -n ran" not in commands(recovery())


def test_a_cluster_in_flight_is_not_skipped() -> None:
    for backup in (FULL, ETCD):
        lines = commands(recovery(backup, finished=False, in_flight=True))
        assert not any(line.startswith("ibgu skip") for line in lines)
        at = lines.index("ibgu pause z-stream -n ran")
        assert lines[at + 1] == "oc delete fu z-stream -n ran"


def test_a_path_that_ibgu_has_not_asked_for_is_not_printed() -> None:
    for path in ("/etc", "/var/recovery/backup-b2", "/var/recovery/../etc/backup-b1"):
        report = f"node=edge-1 path={path} mib=1"
        found = recovery(FULL, shown={"b1": {"job": {"report": report}}})
        assert found.facts["path"] == "not known"
        assert path not in str(found)


def test_the_script_lies_where_the_backup_does() -> None:
    found = recovery(Backup("Full", NEW, path="/var/mnt/backups"))
    assert "/var/mnt/backups/upgrade-recovery.sh --resume" in commands(found)


def test_a_backup_of_etcd_is_no_way_to_the_former_release() -> None:
    report = REPORT.replace("/var/recovery", "/home/core/assets/backup")
    found = recovery(ETCD, shown={"b1": {"job": {"report": report}}})
    assert "not the former release" in found.headline
    lines = commands(found)
    path = "/home/core/assets/backup/backup-b1"
    assert f"ssh core@edge-1 sudo tar -C {path} -cz cluster > etcd-backup.tgz" in lines
    restore = f"sudo -E /usr/local/bin/cluster-restore.sh {path}/cluster"
    assert restore in lines


def test_a_place_that_was_not_reported_is_said_to_be_unknown() -> None:
    for shown in ({}, {"b1": {"job": {"report": "rm -rf $(x) path=/a"}}}, {"b1": {"job": None}}):
        found = recovery(ETCD, shown=shown)
        assert found.facts["node"] == "not known: look on each control-plane node"
        assert found.facts["path"] == "not known"
        assert "before" not in found.facts
        assert "ssh core@NODE sudo tar -C PATH -cz cluster > etcd-backup.tgz" in commands(found)


def test_without_a_backup_the_way_is_forward() -> None:
    for backup, fact in ((None, "none: spec.update.backup is not set"), (FULL, "none has")):
        found = recovery(backup, runs=[UPDATE])
        assert found.headline.startswith("there is no backup by ibgu")
        assert found.facts["backup"].startswith(fact)
        assert "install it again" in found.steps[-1].text


def test_an_update_that_was_not_seen_to_begin_is_withdrawn() -> None:
    refused = Ended(
        id="u1",
        action="Update",
        attempt=1,
        intended_at=NOW,
        arming_at=NOW,
        ended_at=NOW,
        result=RunResult.FAILED,
        cause=Cause.UPDATE_REFUSED,
    )
    for runs in ([BACKED_UP], [BACKED_UP, refused], []):
        found = recovery(runs=runs, message="")
        assert found.headline.startswith("the update was not seen to begin")
        assert commands(found)[0] == "ibgu add-step z-stream RetractOnFailure -n ran"
        assert "said" not in found.facts


def test_an_update_that_timed_out_before_it_began_is_withdrawn() -> None:
    """The mirror was not reachable: the request stands, and the node needs no backup."""
    waiting = {"desired": OLD, "wanted": NEW, "history": ["Completed", OLD]}
    found = recovery(shown={"u1": waiting})
    assert found.headline.startswith("the update was not seen to begin")
    for begun in (
        {"desired": NEW, "history": ["Completed", OLD]},
        {"desired": NEW, "history": ["Partial", NEW]},
        {"desired": VIA, "history": ["Completed", VIA]},
    ):
        spec = with_update(backup=FULL, via=INTERMEDIATE).spec
        found = recovery(spec=spec, shown={"u1": begun})
        assert found.headline.startswith("the cluster can go back to its full backup")


def test_the_report_with_which_a_run_was_accepted_proves_no_end() -> None:
    """The operator had not taken the request yet; hours later the update may be half done."""
    running = Accepted(
        id="u1",
        action="Update",
        attempt=1,
        intended_at=NOW,
        arming_at=NOW,
        armed_at=NOW,
        accepted_at=NOW,
        armed_generation=1,
        disarmed=True,
    )
    waiting = {"desired": OLD, "wanted": NEW, "history": ["Completed", OLD]}
    found = recovery(runs=[BACKED_UP, running], shown={"u1": waiting}, in_flight=True)
    assert found.headline.startswith("the cluster can go back to its full backup")
    assert "ibgu pause z-stream -n ran" in commands(found)


def test_an_update_that_began_unseen_has_the_full_way_behind_its_withdrawal() -> None:
    begun, unseen = recovery(), recovery(runs=[BACKED_UP])
    words = [step.text for step in unseen.steps]
    (at,) = [n for n, text in enumerate(words) if text.startswith("If `oc get clusterversion`")]
    assert begun.headline in words[at]
    assert unseen.steps[at + 1 :] == begun.steps
    assert "has not begun" not in str(unseen)


def test_a_fleet_update_that_is_not_valid_has_updated_nothing() -> None:
    for spec in (RolloutSpec(), with_update(backup=Backup("All", NEW)).spec):
        found = recovery(spec=spec)
        assert found.headline.startswith("the FleetUpdate is not valid")
        assert found.steps == []


def test_an_image_based_upgrade_has_ways_of_its_own() -> None:
    spec = RolloutSpec(ibu_spec=IbuSpec(seed_image_ref=SeedImageRef("seed", "4.17.2")))
    case = RecoveryCase(cluster="edge-1", namespace="ran", rollout="ran-417", spec=spec)
    found = RECOVERIES[IBGU](case)
    assert found.facts["release"] == "4.17.2"
    assert commands(found) == [
        "ibgu explain ran-417 edge-1 -n ran",
        "oc get clusterversion,nodes,clusteroperators,ibu",
        "ibgu retry ran-417 edge-1 -n ran --abort-first",
        "ibgu rollback ran-417 edge-1 -n ran",
    ]

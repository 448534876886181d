"""The Jobs of backups on a simulated cluster."""

from typing import Any

import pytest

from ibgu.core.drivers.node_jobs.backup import job_manifests
from ibgu.core.drivers.node_jobs.jobs import REPORT
from ibgu.core.model.kinds import Backup
from ibgu.sim.spoke.objects import Key
from tests.core.drivers.cluster_version.version_samples import NEW
from tests.sim.cluster_version.updating import Updating

JOB = Key("batch", "Job", "openshift-ibgu-backup", "backup-r1")


def made(cluster: Updating, **more: Any) -> None:
    meta = {"name": JOB.name, "namespace": JOB.namespace}
    spec = {"activeDeadlineSeconds": 600, **more}
    job = {"apiVersion": "batch/v1", "kind": "Job", "metadata": meta, "spec": spec}
    cluster.spoke.create(job, cluster.world.now)


def status(cluster: Updating) -> dict[str, Any]:
    return dict((cluster.spoke.get(JOB) or {}).get("status") or {})


@pytest.mark.parametrize(
    ("troubles", "seconds", "type_", "reason"),
    [
        ((), 180, "Complete", ""),
        (("backup-fails",), 180, "Failed", "PodFailurePolicy"),
        (("backup-hangs",), 600, "Failed", "DeadlineExceeded"),
    ],
)
def test_a_job_runs_once_and_then_ends(
    troubles: tuple[str, ...], seconds: float, type_: str, reason: str
) -> None:
    cluster = Updating(troubles=troubles)
    made(cluster)
    cluster.run(seconds - 1)
    assert status(cluster)["active"] == 1
    cluster.run(2)
    (condition,) = status(cluster)["conditions"]
    assert (condition["type"], condition["status"]) == (type_, "True")
    assert condition["reason"] == reason
    cluster.run(3600)
    assert cluster.operator.jobs.made == [JOB.name]


@pytest.mark.parametrize(("troubles", "end"), [((), "Complete"), (("precache-fails",), "Failed")])
def test_a_pre_cache_says_how_far_it_is(troubles: tuple[str, ...], end: str) -> None:
    cluster = Updating(troubles=troubles)
    key = JOB._replace(name="pre-cache-r1")
    meta = {"name": key.name, "namespace": key.namespace}
    job = {"apiVersion": "batch/v1", "kind": "Job", "metadata": meta, "spec": {}}
    cluster.spoke.create(job, cluster.world.now)
    cluster.run(60)
    shown: dict[str, Any] = cluster.spoke.get(key) or {}
    assert shown["metadata"]["annotations"][REPORT] == "pulled 40 of 190 images"
    cluster.run(300)
    (condition,) = (cluster.spoke.get(key) or {})["status"]["conditions"]
    assert condition["type"] == end


def test_a_job_that_is_deleted_ends_and_one_that_is_made_again_runs_again() -> None:
    cluster = Updating()
    made(cluster)
    cluster.run(60)
    cluster.spoke.delete(JOB, cluster.world.now)
    cluster.run(600)
    made(cluster)
    cluster.run(60)
    assert status(cluster)["active"] == 1
    assert cluster.operator.jobs.made == [JOB.name, JOB.name]


def test_a_backup_reports_its_node_and_its_folder() -> None:
    cluster = Updating()
    job = job_manifests(Backup("Full", NEW), NEW, "r1")[-1]
    made(cluster, template=job["spec"]["template"])
    cluster.run(179)
    assert "annotations" not in (cluster.spoke.get(JOB) or {})["metadata"]
    cluster.run(2)
    marks = (cluster.spoke.get(JOB) or {})["metadata"]["annotations"]
    assert marks == {REPORT: "node=node-0 path=/var/recovery/backup-r1 mib=2048"}
    assert status(cluster)["succeeded"] == 1

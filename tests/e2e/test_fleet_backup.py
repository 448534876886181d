"""Backups before an update, from end to end: a real hub, the controller, simulated clusters whose
Jobs run."""

import json
from typing import Any

from ibgu.core.model import names
from ibgu.db.journal.evidence import FEEDBACK
from ibgu.hub import paths
from ibgu.sim.cluster import SimulatedCluster
from tests.e2e.clock import ScaledTime
from tests.e2e.harness import Scene
from tests.e2e.manifests import Object
from tests.e2e.test_fleet_update import NEW, QUICK, ended, fleet_update, kinds, labels, version_of

BACKUP = {"form": "Etcd", "image": NEW, "maxAgeMinutes": 600}


def jobs(cluster: SimulatedCluster) -> list[str]:
    assert cluster.operator is not None
    return cluster.operator.jobs.made


def troubled(name: str) -> Any:
    def deed(cluster: SimulatedCluster, now: float) -> None:
        assert cluster.operator is not None
        cluster.operator.trouble(name, True, now)

    return deed


async def reported(scene: Scene) -> dict[str, str]:
    """Returns where each backup lies, by cluster, as `ibgu recover` reads it in the history."""
    rows = await scene.journal("SELECT cluster, data FROM events WHERE kind = 'RunEnded'")
    found = [(row["cluster"], json.loads(row["data"]).get("seen", {})) for row in rows]
    jobs = [(cluster, (seen.get(FEEDBACK) or {}).get("job")) for cluster, seen in found]
    reports = {
        cluster: job["report"] for cluster, job in jobs if job and " path=" in job.get("report", "")
    }
    return {cluster: text.split()[1][5:] for cluster, text in reports.items()}


async def test_a_cluster_without_a_backup_is_not_updated_and_the_others_are(scene: Scene) -> None:
    await scene.fleet(count=3, version="4.16.3", updates=QUICK)
    scene.act(f"{scene.label}-2", troubled("backup-fails"))
    await scene.start(clock=ScaledTime(60))
    plan = ("Check Mirror PreCache Backup", "Update")
    more = {"backup": BACKUP, "preCache": {"image": NEW}}
    await scene.apply(fleet_update("saved", scene.label, *plan, **more))
    found = await ended(scene, "saved", "CompletedWithFailures")
    failed = next(each for each in found["clusters"] if each["name"].endswith("-2"))
    assert "too little free space" in json.dumps(failed["failedActions"])
    for number, image in ((1, NEW), (2, QUICK.image), (3, NEW)):
        cluster = scene.cluster(f"{scene.label}-{number}")
        assert [name.rpartition("-")[0] for name in jobs(cluster)] == ["pre-cache", "backup"]
        assert version_of(cluster)["status"]["desired"]["image"] == image
        assert kinds(cluster).isdisjoint({"Job", "Namespace", "RoleBinding"})
    places = await reported(scene)
    assert set(places) == {f"{scene.label}-1", f"{scene.label}-3"}
    assert all(each.startswith("/home/core/assets/backup/backup-") for each in places.values())
    assert await labels(scene, f"{scene.label}-2") == {
        "ibgu.dev/fleet-check-completed",
        "ibgu.dev/fleet-mirror-completed",
        "ibgu.dev/fleet-precache-completed",
        "ibgu.dev/fleet-backup-failed",
    }


async def test_a_cluster_without_space_for_images_fails_its_pre_cache(scene: Scene) -> None:
    await scene.fleet(count=1, version="4.16.3", updates=QUICK)
    cluster = scene.cluster(f"{scene.label}-1")
    scene.act(cluster.name, troubled("precache-fails"))
    await scene.start(clock=ScaledTime(60))
    await scene.apply(fleet_update("ahead", scene.label, "PreCache", preCache={"image": NEW}))
    found = await ended(scene, "ahead", "CompletedWithFailures")
    (failed,) = found["clusters"]
    assert "too little" in json.dumps(failed["failedActions"])
    assert kinds(cluster).isdisjoint({"Job", "Namespace", "RoleBinding"})


async def test_a_rollout_that_is_deleted_in_its_backup_leaves_nothing_behind(scene: Scene) -> None:
    await scene.fleet(count=1, version="4.16.3", updates=QUICK)
    cluster = scene.cluster(f"{scene.label}-1")
    scene.act(cluster.name, troubled("backup-hangs"))
    await scene.start(clock=ScaledTime(60))
    await scene.apply(fleet_update("left", scene.label, "Backup", backup=BACKUP))

    async def begun() -> bool:
        return bool(jobs(cluster))

    await scene.until(begun, "the Job to begin")
    await scene.kubectl("delete", "fleetupdate", "left")

    async def gone() -> bool:
        return await scene.items(paths.works(cluster.name)) == []

    await scene.until(gone, "the works to be removed")
    assert kinds(cluster).isdisjoint({"Job", "Namespace"})
    assert "ClusterVersion" in kinds(cluster)


def job_work(cluster: str, uid: str) -> Object:
    return {
        "apiVersion": "work.open-cluster-management.io/v1",
        "kind": "ManifestWork",
        "metadata": {
            "name": names.job_name(uid, "unknown"),
            "namespace": cluster,
            "labels": {
                names.MANAGED_BY: names.MANAGER,
                names.ROLLOUT: uid,
                names.PART: names.JOB,
            },
            "annotations": {names.GENERATION: "1", names.RUN: "run-1"},
        },
        "spec": {
            "workload": {
                "manifests": [
                    {
                        "apiVersion": "batch/v1",
                        "kind": "Job",
                        "metadata": {"name": "backup-run-1", "namespace": "default"},
                        "spec": {"template": {"spec": {"containers": []}}},
                    }
                ]
            }
        },
    }


async def test_a_job_work_of_an_unknown_rollout_is_removed(scene: Scene) -> None:
    await scene.fleet(count=1, version="4.16.3", updates=QUICK)
    cluster = scene.cluster(f"{scene.label}-1")
    await scene.apply(json.dumps(job_work(cluster.name, "00000000-0000-4000-8000-000000000000")))

    async def there() -> bool:
        return "Job" in kinds(cluster)

    await scene.until(there, "the agent to make the Job")
    await scene.start()

    async def gone() -> bool:
        return "Job" not in kinds(cluster)

    await scene.until(gone, "the Job to go with its work")

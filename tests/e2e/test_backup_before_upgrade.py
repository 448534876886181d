"""A backup before an IBGU's Upgrade, from end to end: a real hub, the controller, and simulated
clusters whose Jobs run."""

import json

from ibgu.core.model import names
from tests.e2e.clock import ScaledTime
from tests.e2e.harness import Scene
from tests.e2e.manifests import Object, ibgu, step
from tests.e2e.test_fleet_backup import jobs, troubled
from tests.e2e.test_fleet_update import NEW, QUICK, kinds


def asking(scene: Scene, *steps: Object) -> Object:
    """Returns an IBGU whose annotations ask for a backup before Upgrade."""
    marks = {names.BACKUP: "Etcd", names.BACKUP_IMAGE: NEW, names.BACKUP_MAX_AGE: "600"}
    return ibgu("saved", *steps, fleet=scene.label, annotations=marks)


async def test_a_cluster_without_a_backup_is_not_upgraded_and_the_other_is(scene: Scene) -> None:
    await scene.fleet(count=2, version="4.16.3", updates=QUICK)
    good, bad = f"{scene.label}-1", f"{scene.label}-2"
    scene.act(bad, troubled("backup-fails"))
    await scene.start(clock=ScaledTime(60), upgrade_backups=True)
    plan = [step(each, timeout=240) for each in ("Prep", "Upgrade", "AbortOnFailure")]
    await scene.apply(asking(scene, *plan))
    await scene.completed("saved")
    entry = await scene.entry("saved", bad)
    assert "too little free space" in json.dumps(entry["failedActions"])
    assert [each["action"] for each in entry["failedActions"]] == ["Upgrade"]
    assert scene.stages(good) == ["Prep", "Upgrade"]
    assert scene.stages(bad) == ["Prep", "Abort"]
    for name in (good, bad):
        cluster = scene.cluster(name)
        assert [each.rpartition("-")[0] for each in jobs(cluster)] == ["backup"]
        assert kinds(cluster).isdisjoint({"Job", "RoleBinding"})
    assert "upgrade-completed" in await scene.labels(good)


async def test_a_hub_that_does_not_allow_backups_upgrades_nothing(scene: Scene) -> None:
    await scene.fleet(count=1, version="4.16.3", updates=QUICK)
    name = f"{scene.label}-1"
    await scene.start(clock=ScaledTime(60))
    plan = [step(each, timeout=240) for each in ("Prep", "Upgrade")]
    await scene.apply(asking(scene, *plan))

    async def held() -> bool:
        return "IBGU_UPGRADE_BACKUPS" in json.dumps(await scene.status("saved"))

    await scene.until(held, "the status to say why no Upgrade starts")
    assert scene.stages(name) == ["Prep"]
    assert jobs(scene.cluster(name)) == []
    await scene.kubectl(
        *("annotate", "ibgu", "saved", f"{names.BACKUP}-", f"{names.BACKUP_IMAGE}-"),
        f"{names.BACKUP_MAX_AGE}-",
    )
    await scene.completed("saved")
    assert scene.stages(name) == ["Prep", "Upgrade"]
    assert jobs(scene.cluster(name)) == []

"""After a failure, what Velero's objects say of it comes to the hub."""

from datetime import timedelta

import pytest
from msgspec.structs import replace

from ibgu.core.drivers.ibu.failures import Failure
from ibgu.core.drivers.ibu.failures.evidence import Evidence, evidence
from ibgu.core.drivers.ibu.preflight.inspection import SELECTOR
from ibgu.db.inspections import Inspections
from ibgu.hub import paths
from ibgu.sim.spoke import SOUND
from ibgu.sim.spoke.velero import KINDS
from tests.e2e.harness import Scene
from tests.e2e.manifests import ibgu, step
from tests.e2e.test_inspections import store

__all__ = ["store"]
UNAVAILABLE = replace(SOUND, backup_storage_available=False)


@pytest.fixture
async def failed(scene: Scene, store: Inspections) -> dict[str, str]:
    """Clusters by their fault, each of which has failed in Upgrade."""
    faults = ["backup", "restore", "reboot", ""]
    names = {fault: f"{scene.label}-{fault or 'well'}" for fault in faults}
    rules = [f"upgrade.{fault}@{name}" for fault, name in names.items() if fault]
    await scene.fleet(names=tuple(names.values()), faults=rules)
    await scene.start(preflight_inspections=True)
    off = {"ibgu.dev/circuit-breaker": "off"}
    await scene.apply(ibgu("failing", step("Prep", "Upgrade", most=9), fleet=scene.label,
                           annotations=off))  # fmt: skip
    await scene.completed("failing")
    return names


async def read(scene: Scene, store: Inspections, name: str) -> Evidence:
    async def done() -> bool:
        result = (await store.results([name], timedelta(days=1))).get(name)
        return result is not None and result.facts is not None and not result.open

    await scene.until(done, "what was read")
    result = (await store.results([name], timedelta(days=1)))[name]
    return evidence(scene.cluster(name).timeline.runs[-1].message, result.facts, result.problem)


async def test_only_clusters_whose_backups_or_restores_failed_are_read(
    scene: Scene, store: Inspections, failed: dict[str, str]
) -> None:
    found = await read(scene, store, failed["backup"])
    klusterlet, app, storage, dpa = found.objects
    assert klusterlet.object == "Backup openshift-adp/acm-klusterlet"
    assert (klusterlet.phase, klusterlet.errors, klusterlet.warnings) == ("PartiallyFailed", 2, 1)
    assert app.object == "Backup openshift-adp/app-data"
    assert (storage.phase, dpa.phase) == ("Available", "Reconciled")
    # The Restore stays in the stateroot that the cluster has left.
    rolled_back = await read(scene, store, failed["restore"])
    assert rolled_back.objects[0].object == "Restore openshift-adp/app-data"
    assert rolled_back.objects[0].messages == ("is not on the cluster",)
    others = [failed["reboot"], failed[""]]
    assert await store.results(others, timedelta(days=1)) == {}

    async def no_work() -> bool:
        return not await scene.items(paths.works(), SELECTOR)

    await scene.until(no_work, "the works to go")


async def test_evidence_stays_after_an_abort_has_removed_the_backups(
    scene: Scene, store: Inspections, failed: dict[str, str]
) -> None:
    name = failed["backup"]
    before = await read(scene, store, name)
    await scene.apply(ibgu("aborting", step("AbortOnFailure", most=9), fleet=scene.label))
    await scene.completed("aborting")
    left = [key for key in scene.cluster(name).spoke.objects if key.kind in KINDS]
    assert left == []
    message = scene.cluster(name).timeline.runs[-2].message
    result = (await store.results([name], timedelta(days=1)))[name]
    assert evidence(message, result.facts).objects == before.objects


async def test_storage_that_fails_during_the_upgrade_is_the_cause(
    scene: Scene, store: Inspections
) -> None:
    name = f"{scene.label}-1"
    await scene.fleet(names=(name,), faults=[f"upgrade.backup@{name}"])
    await scene.start(preflight_inspections=True)
    await scene.apply(ibgu("unstored", step("Prep"), fleet=scene.label))
    await scene.completed("unstored")
    await scene.apply(ibgu("stored", step("Upgrade"), fleet=scene.label))
    await scene.completed("stored")
    scene.act(name, lambda cluster, now: cluster.spoke.change_equipment(UNAVAILABLE))
    await store.request([name], "again", timedelta())
    await scene.until(lambda: closed(store, name), "the second inspection")
    found = await read(scene, store, name)
    assert found.cause is not None
    assert found.cause.failure is Failure.STALE_BACKUPS
    storage = found.objects[-2]
    assert storage.phase == "Unavailable"
    assert "NoSuchBucket" in storage.messages[0]


async def closed(store: Inspections, name: str) -> bool:
    return await store.left([name]) == 0

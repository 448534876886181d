"""The Backups and Restores of a failure, read by the real work agent."""

from datetime import timedelta
from urllib.parse import quote

from ibgu.core.drivers.ibu.failures.evidence import Evidence, EvidenceObject, evidence
from ibgu.core.drivers.ibu.preflight.inspection import SELECTOR
from ibgu.core.drivers.ibu.preflight.inspection.velero import velero_object
from ibgu.core.drivers.ibu.preflight.inspection.work import ROLE
from ibgu.core.model.kinds import JsonObject
from ibgu.db.inspections import Inspections
from ibgu.hub import paths
from tests.core.drivers.ibu.preflight.answers import Objects
from tests.e2e.manifests import ibgu, step
from tests.neighbours.inspected import equipped
from tests.neighbours.scene import RealScene
from tests.neighbours.test_inspections import store

__all__ = ["store"]
ROLE_PATH = f"/apis/rbac.authorization.k8s.io/v1/clusterroles/{quote(ROLE)}"
OFF = {"ibgu.dev/circuit-breaker": "off"}
NO_STORAGE = "backup can't be created because BackupStorageLocation default is Unavailable."
NO_NAME = "metadata.name: must be no more than 63 characters"


def velero(kind: str, name: str, **status: object) -> Objects:
    content: JsonObject = {"spec": {}, "status": status}
    return {velero_object(kind, name): content}


BACKUPS = {
    **velero("Backup", "acm-klusterlet", phase="Completed", warnings=1),
    **velero(
        "Backup", "app-data", phase="FailedValidation", validationErrors=[NO_STORAGE, NO_NAME]
    ),
    **velero("Backup", "of-another", phase="Failed", failureReason="is not named by the failure"),
}
RESTORES = {
    **velero("Restore", "app-data", phase="PartiallyFailed", errors=2, failureReason="no volume"),
    **velero("Backup", "app-data", phase="Completed"),
}


async def read(scene: RealScene, store: Inspections, name: str) -> Evidence:
    """Waits for the inspection that the failure has requested."""

    async def done() -> bool:
        result = (await store.results([name], timedelta(days=1))).get(name)
        works = await scene.items(paths.works(), SELECTOR)
        return result is not None and result.facts is not None and not result.open and not works

    await scene.until(done, "what was read")
    result = (await store.results([name], timedelta(days=1)))[name]
    return evidence(scene.cluster(name).timeline.runs[-1].message, result.facts, result.problem)


async def test_the_backups_and_restores_that_a_failure_names_are_read_and_no_others(
    scene: RealScene, store: Inspections
) -> None:
    backup, restore = f"{scene.label}-1", f"{scene.label}-2"
    faults = [f"upgrade.backup@{backup}", f"upgrade.restore@{restore}"]
    await scene.fleet(count=2, faults=faults)
    await scene.start(preflight_inspections=True, preflight_inspection_seconds=600)
    with (
        equipped(scene.real(backup).server, BACKUPS),
        equipped(scene.real(restore).server, RESTORES),
    ):
        plan = step("Prep", "Upgrade", most=2)
        await scene.apply(ibgu("failing", plan, fleet=scene.label, annotations=OFF))
        await scene.completed("failing")
        of_backup = await read(scene, store, backup)
        assert of_backup.objects[:2] == [
            EvidenceObject("Backup openshift-adp/acm-klusterlet", "Completed", warnings=1),
            EvidenceObject(
                "Backup openshift-adp/app-data", "FailedValidation", messages=(NO_STORAGE, NO_NAME)
            ),
        ]
        assert named(scene, backup) == {"backups": ["acm-klusterlet", "app-data"]}
        of_restore = await read(scene, store, restore)
        assert of_restore.objects[:2] == [
            EvidenceObject(
                "Restore openshift-adp/app-data", "PartiallyFailed", 2, messages=("no volume",)
            ),
            EvidenceObject("Backup openshift-adp/app-data", "Completed"),
        ]
        assert named(scene, restore) == {"restores": ["app-data"], "backups": ["app-data"]}


def named(scene: RealScene, cluster: str) -> dict[str, list[str]]:
    """Returns the Backups and Restores that the inspection's role allows to get, by resource."""
    role = scene.real(cluster).server.api.request("GET", ROLE_PATH)
    return {
        rule["resources"][0]: rule["resourceNames"]
        for rule in role["rules"]
        if rule["resources"][0] in ("backups", "restores")
    }

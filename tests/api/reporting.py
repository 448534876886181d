"""Both works of a cluster on a real hub, of which its agent has dealt with one."""

from typing import Any

from ibgu.core.drivers.ibu import IBU
from ibgu.core.drivers.ibu import names as ibu_names
from ibgu.core.drivers.ibu.works import build
from ibgu.core.engine.works import DesiredWork, payload_body, stage_body
from ibgu.core.model import names
from ibgu.core.model.kinds import ConfigMap, ObjectMeta, Secret
from ibgu.hub import paths
from ibgu.hub.client import HubClient
from tests.core.drivers.ibu.works.samples import NOW, ROLLOUT, run

CARRIED = ("aGlkZGVu", "content of a ConfigMap")
APPLIED = {
    "type": "Applied",
    "status": "True",
    "reason": "AppliedManifestComplete",
    "message": "Apply manifest complete",
    "observedGeneration": 1,
    "lastTransitionTime": "2026-01-02T03:04:06Z",
}
AVAILABLE = APPLIED | {"type": "Available"}
VALUES = {
    "stage": "Prep",
    "prepInProgressStatus": "True",
    "prepInProgressReason": "InProgress",
    "prepInProgressMessage": "Precache job in progress",
    "nextIdle": "Idle",
    "seedVersion": "4.17.2",
    "run": "r1",
}


async def put_works(admin: HubClient, cluster: str) -> None:
    """Into the namespace of that name, which is there."""
    wanted = DesiredWork(armed=True, run=run(), limit=NOW)
    stage = stage_body(IBU, wanted, ROLLOUT, cluster, watch=True)
    await admin.request("POST", paths.works(cluster), body=stage)
    pull = ObjectMeta(name="pull", namespace="default")
    secret = Secret(pull, "Opaque", {".dockerconfigjson": CARRIED[0]})
    config = ConfigMap(ObjectMeta(name="oadp", namespace="adp"), {"a.yaml": CARRIED[1]})
    payload = payload_body(build([config, secret]), ROLLOUT, cluster)
    await admin.request("POST", paths.works(cluster), body=payload)
    await admin.request(
        "PATCH",
        f"{paths.work(cluster, names.stage_name(ROLLOUT.uid, ROLLOUT.name))}/status",
        body={"status": _status()},
        content_type=paths.MERGE_PATCH,
    )


def _status() -> dict[str, Any]:
    values = [
        {"name": name, "fieldValue": {"type": "String", "string": told}}
        for name, told in VALUES.items()
    ]
    values += [
        {"name": name, "fieldValue": {"type": "Integer", "integer": 3}}
        for name in ("generation", "observedGeneration")
    ]
    meta = {"ordinal": 1, "group": ibu_names.GROUP, "kind": ibu_names.KIND, "name": ibu_names.NAME}
    entry = {
        "resourceMeta": meta,
        "conditions": [APPLIED, AVAILABLE],
        "statusFeedback": {"values": values},
    }
    return {"conditions": [APPLIED], "resourceStatus": {"manifests": [entry]}}

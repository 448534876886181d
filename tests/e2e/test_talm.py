"""While a live TALM is on the hub nothing is written; with it gone, everything goes on."""

import asyncio
import json
from datetime import UTC, datetime

import pytest

from ibgu.controller.lookups import talm
from ibgu.controller.reports.events import LEADER_ELECTION
from ibgu.controller.service import LEASE
from ibgu.hub import paths
from tests.e2e.harness import NAMESPACE as OWN
from tests.e2e.harness import Scene
from tests.e2e.manifests import Object, ibgu, step

NAMESPACE = "openshift-cluster-group-upgrades"


@pytest.fixture
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(talm, "INTERVAL", 0.3)


def lease() -> Object:
    return {
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": {"name": talm.LEASE, "namespace": NAMESPACE},
        "spec": {
            "holderIdentity": "talm",
            "leaseDurationSeconds": 15,
            "renewTime": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        },
    }


async def versions(scene: Scene) -> dict[str, str]:
    """Everything that ibgu could write; the agents write the status of works and clusters."""
    found = {}
    for item in await scene.items(paths.ibgus()):
        found[item["metadata"]["uid"]] = item["metadata"]["resourceVersion"]
    for path in (paths.MANAGED_CLUSTERS, paths.works()):
        for item in await scene.items(path):
            meta = item["metadata"]
            shown = (meta.get("generation"), meta.get("labels"), meta.get("annotations"))
            found[meta["uid"]] = str(shown)
    return found


async def _new_leader_shown(scene: Scene) -> bool:
    found = (await scene.get(paths.lease(OWN, LEASE)))["metadata"]
    told = await scene.kubectl("events", "-n", OWN, "--for", f"lease/{LEASE}", "-o", "json")
    about = (each for each in json.loads(told)["items"] if each["reason"] == LEADER_ELECTION)
    return any(each["involvedObject"]["uid"] == found["uid"] for each in about)


async def test_nothing_is_written_while_talm_lives(scene: Scene, often: None) -> None:
    first = f"{scene.label}-1"
    await scene.tried("create", "namespace", NAMESPACE)
    await scene.apply(lease())
    await scene.fleet(count=1)
    await scene.start()
    await scene.apply(ibgu("talm", step("Prep"), fleet=scene.label))
    before = await versions(scene)
    await scene.seen_in_journal("RolloutHeld")
    assert any("TALM" in problem for problem in scene.told_problems())
    await asyncio.sleep(1.5)  # nothing to wait for: it is about what must not happen
    assert await versions(scene) == before
    assert await scene.events("talm") == []
    await scene.until(lambda: _new_leader_shown(scene), "the Event on ibgu's own Lease")
    await scene.kubectl("delete", "lease", talm.LEASE, "-n", NAMESPACE)
    await scene.completed("talm")
    assert scene.stages(first) == ["Prep"]
    assert scene.told_problems() == []


async def test_talm_comes_back_in_mid_flight(scene: Scene, often: None) -> None:
    await scene.tried("create", "namespace", NAMESPACE)
    await scene.fleet(count=2, durations="1000s")
    await scene.start()
    await scene.apply(ibgu("talm", step("Prep", most=1), fleet=scene.label))
    first = await scene.accepted()
    scene.freeze(first)
    (second,) = scene.others(first)
    await scene.apply(lease())
    await scene.seen_in_journal("RolloutHeld")
    scene.freeze(first, False)
    await scene.seen_in_journal("MemberFinished", first)
    before = await versions(scene)
    assert scene.stages(second) == []
    await asyncio.sleep(1)  # as above
    assert await versions(scene) == before
    assert await scene.labels(first) == {}
    await scene.kubectl("delete", "lease", talm.LEASE, "-n", NAMESPACE)
    await scene.completed("talm")
    assert await scene.labels(first) == {"prep-completed": ""}
    assert [scene.stages(name) for name in (first, second)] == [["Prep"], ["Prep"]]

"""Inspections through the real work agent, with the rights of a klusterlet."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from ibgu.core.drivers.ibu.preflight import PreflightFacts, judge
from ibgu.core.drivers.ibu.preflight.facts import ClusterFacts
from ibgu.core.drivers.ibu.preflight.inspection import SELECTOR, WORK, ReadResult
from ibgu.core.drivers.ibu.preflight.inspection.objects import (
    AGENT,
    BACKUP_STORAGE,
    DPA,
    IBU,
    LOCAL_STORAGE,
    OBJECTS,
    PARTITION,
    VELERO,
)
from ibgu.core.model.kinds import JsonObject
from ibgu.db.engine import engine
from ibgu.db.inspections import InspectionResult, Inspections
from ibgu.hub import paths
from ibgu.hub.paths import MERGE_PATCH
from tests.core.drivers.ibu.preflight.answers import NODE, Objects, condition
from tests.neighbours.inspected import equipped
from tests.neighbours.scene import RealScene

FULL: JsonObject = {"status": {"conditions": [condition("DiskPressure", "True")]}}


@pytest.fixture
async def store(scene: RealScene) -> AsyncIterator[Inspections]:
    pool = engine(scene.database_url)
    hub = (await scene.get(paths.namespace("kube-system")))["metadata"]["uid"]
    yield Inspections(pool, hub)
    await pool.dispose()


async def inspected(
    scene: RealScene, store: Inspections, names: list[str], id_: str
) -> dict[str, InspectionResult]:
    await store.request(names, id_, timedelta())

    async def ended() -> bool:
        works = await scene.items(paths.works(), SELECTOR)
        return await store.left(names) == 0 and not works

    await scene.until(ended, "the inspections to end")
    return await store.results(names, timedelta(hours=1))


async def test_the_defects_of_one_of_two_clusters_are_found(
    scene: RealScene, store: Inspections
) -> None:
    scene.poll = "60s"  # as on single-node clusters
    player = await scene.fleet(count=2)
    good, bad = player.clusters
    await scene.start(preflight_inspections=True, preflight_inspection_seconds=600)
    servers = [scene.real(name).server for name in (good, bad)]
    defects: Objects = {NODE: FULL, PARTITION: {}, VELERO: {}}
    with (
        equipped(servers[0], {}),
        equipped(servers[1], defects, "DataProtectionApplication"),
    ):
        found = await inspected(scene, store, [good, bad], "1")
        first, second = found[good].facts, found[bad].facts
        assert first is not None, found[good]
        assert second is not None, found[bad]
        read = {str(each): first.of(each).result for each in OBJECTS}
        assert read.pop(str(LOCAL_STORAGE)) is ReadResult.ABSENT
        assert set(read.values()) == {ReadResult.FOUND}
        for each in (*OBJECTS[1:], NODE):
            reading = first.node if each is NODE else first.of(each)
            without = {"httpProxy", "httpsProxy", "message"} if reading.found else {*each.paths}
            assert reading.values.keys() == each.paths.keys() - without, each
        assert first.ibu.idle.true
        assert first.of(IBU).values["nextPrep"] == "Prep"
        assert second.of(DPA).result is ReadResult.NO_KIND
        assert second.of(PARTITION).result is ReadResult.ABSENT
        assert second.of(BACKUP_STORAGE).found
        fleet = tuple(
            ClusterFacts(name=name, inspected=facts)
            for name, facts in ((good, first), (bad, second))
        )
        report = judge(PreflightFacts(clusters=fleet, planned=False))
        told = {
            (each.rule.id, each.message): each.clusters
            for each in report.findings
            if each.rule.id in ("P6", "P8", "P31")
        }
        assert told == {
            ("P31", "have a full disk"): (bad,),
            (
                "P31",
                "were not installed with the manual's partition: Prep fails without any",
            ): (bad,),
        }
        await again_and_nothing_changed(scene, store, good)


async def again_and_nothing_changed(scene: RealScene, store: Inspections, name: str) -> None:
    """The second inspection has its rights already. The objects are as they were, and stay."""
    api = scene.real(name).server.api
    path = f"/apis/apps/v1/namespaces/{AGENT.namespace}/deployments/{AGENT.name}"
    old = api.request("GET", path)["metadata"]
    found = await inspected(scene, store, [name], "2")
    facts = found[name].facts
    assert facts is not None
    assert facts.of(AGENT).found
    new = api.request("GET", path)["metadata"]
    assert (new["uid"], new["resourceVersion"]) == (old["uid"], old["resourceVersion"])
    assert "ownerReferences" not in new


async def test_objects_that_the_agent_may_not_get_are_forbidden(
    scene: RealScene, store: Inspections
) -> None:
    player = await scene.fleet(count=1)
    (name,) = player.clusters
    server = scene.real(name).server
    server.count_labels(False)
    await scene.start(preflight_inspections=True, preflight_inspection_seconds=600)
    with equipped(server, {}):
        found = await inspected(scene, store, [name], "1")
    facts = found[name].facts
    assert facts is not None, found
    assert facts.of(PARTITION).result is ReadResult.FORBIDDEN
    assert "cannot get resource" in facts.of(PARTITION).message
    # The agent's own role covers what an administrator of namespaces may get.
    assert facts.of(AGENT).found


async def test_a_leftover_work_is_removed_and_takes_nothing_with_it(
    scene: RealScene, store: Inspections
) -> None:
    player = await scene.fleet(count=1)
    (name,) = player.clusters
    await scene.start(preflight_inspections=True, preflight_inspection_seconds=600)
    server = scene.real(name).server
    with equipped(server, {}):
        scene.freeze(name)
        await store.request([name], "1", timedelta())

        async def sent() -> bool:
            return bool(await scene.items(paths.works(), SELECTOR))

        await scene.until(sent, "the work")
        await scene.stop()
        scene.freeze(name, False)
        body = {"metadata": {"labels": {SELECTOR: "old"}}}
        await scene.admin.request(
            "PATCH", paths.work(name, WORK), body=body, content_type=MERGE_PATCH
        )
        await scene.start(preflight_inspections=True, preflight_inspection_seconds=600)
        found = await inspected(scene, store, [name], "1")
        assert found[name].facts is not None, found[name]
        path = f"/apis/apps/v1/namespaces/{AGENT.namespace}/deployments/{AGENT.name}"
        assert server.api.found(path) is not None

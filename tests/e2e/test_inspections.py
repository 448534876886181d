"""Inspections of simulated clusters by a real controller, hub and database."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from functools import partial
from math import inf
from random import Random

import pytest
from msgspec.structs import replace

from ibgu.controller.inspections import Inspector
from ibgu.core.drivers.ibu.preflight.inspection import SELECTOR, WORK, ReadResult
from ibgu.core.drivers.ibu.preflight.inspection.objects import AGENT, DPA, IBU
from ibgu.core.model import ClusterView
from ibgu.core.model.kinds import JsonObject
from ibgu.db import Journal
from ibgu.db.engine import engine
from ibgu.db.inspections import InspectionResult, Inspections
from ibgu.flowcontrol.deadline import Deadline
from ibgu.hub import paths
from ibgu.hub.discovery import discover
from tests.e2e.harness import Scene
from tests.e2e.inspected import equip
from tests.e2e.manifests import ibgu, step

HOUR, NOW = timedelta(hours=1), timedelta()


@pytest.fixture
async def store(scene: Scene) -> AsyncIterator[Inspections]:
    pool = engine(scene.database_url)
    hub = (await scene.get(paths.namespace("kube-system")))["metadata"]["uid"]
    yield Inspections(pool, hub)
    await pool.dispose()


async def fleet(scene: Scene, count: int, **spec: object) -> list[str]:
    player = await scene.fleet(count=count, **spec)
    for name in player.clusters:
        scene.act(name, equip)
    return [*player.clusters]


async def inspected(
    scene: Scene, store: Inspections, names: list[str]
) -> dict[str, InspectionResult]:
    """Requests inspections, and waits until they have ended and no work is left."""
    await store.request(names, "1", NOW)

    async def ended() -> bool:
        return await store.left(names) == 0 and not await works(scene)

    await scene.until(ended, "the inspections to end", seconds=120 + 5 * len(names))
    return await store.results(names, HOUR)


async def works(scene: Scene) -> list[JsonObject]:
    return await scene.items(paths.works(), SELECTOR)


async def test_clusters_answer_and_no_work_is_left(scene: Scene, store: Inspections) -> None:
    names = await fleet(scene, 3)
    scene.act(names[2], partial(equip, without=frozenset({DPA})))
    await scene.start(preflight_inspections=True)
    found = await inspected(scene, store, names)
    for name in names:
        facts = found[name].facts
        assert facts is not None, found[name]
        assert facts.of(AGENT).found
        assert facts.of(IBU).found
        assert facts.node.found
        assert facts.of(DPA).found is (name != names[2])
    last = found[names[2]].facts
    assert last is not None
    assert last.of(DPA).result is ReadResult.ABSENT


async def test_a_rollout_goes_on_while_its_clusters_are_inspected(
    scene: Scene, store: Inspections
) -> None:
    names = await fleet(scene, 3)
    await scene.start(preflight_inspections=True)
    await scene.apply(ibgu("inspected", step("Prep"), fleet=scene.label))
    for number in range(3):
        await store.request(names, str(number), NOW)
        await asyncio.sleep(0.3)
    await scene.completed("inspected")
    assert all(scene.stages(name) == ["Prep"] for name in names)
    found = await inspected(scene, store, names)
    assert all(each.facts is not None for each in found.values())


async def test_a_cluster_that_does_not_answer_says_so(scene: Scene, store: Inspections) -> None:
    names = await fleet(scene, 2)
    await scene.start(preflight_inspections=True, preflight_inspection_seconds=10)
    scene.freeze(names[0])
    await store.request([*names, "nobody"], "1", NOW)
    await scene.until(lambda: no_more(store, names), "the inspections to end")
    found = await store.results([*names, "nobody"], HOUR)
    assert found[names[0]].facts is None
    assert found[names[0]].problem in (
        "the work agent did not answer in time",
        "the cluster is not reachable",
    )
    assert found[names[1]].facts is not None
    assert found["nobody"].problem == "the cluster is not on the hub"
    scene.freeze(names[0], False)
    await scene.until(lambda: nothing_left(scene), "the works to go")


async def no_more(store: Inspections, names: list[str]) -> bool:
    return await store.left([*names, "nobody"]) == 0


async def nothing_left(scene: Scene) -> bool:
    return not await works(scene)


async def test_the_next_controller_removes_what_one_has_left_and_goes_on(
    scene: Scene, store: Inspections
) -> None:
    names = await fleet(scene, 3)
    await scene.start(preflight_inspections=True)
    scene.freeze(names[0])
    await store.request(names[:1], "1", NOW)
    await scene.until(lambda: there(scene, 1), "the work")
    await scene.stop()
    leftover = {
        "apiVersion": "work.open-cluster-management.io/v1",
        "kind": "ManifestWork",
        "metadata": {"name": WORK, "namespace": names[1], "labels": {SELECTOR: "old"}},
        "spec": {"workload": {"manifests": []}},
    }
    await scene.admin.request("POST", paths.works(names[1]), body=leftover)
    scene.freeze(names[0], False)
    await scene.start(preflight_inspections=True)
    found = await inspected(scene, store, names[:1])
    assert found[names[0]].facts is not None
    await scene.until(lambda: nothing_left(scene), "the leftover to go")


async def test_another_work_with_the_label_of_inspections_stays(
    scene: Scene, store: Inspections
) -> None:
    """A tenant may label a work that it may not delete."""
    names = await fleet(scene, 1)
    foreign = {
        "apiVersion": "work.open-cluster-management.io/v1",
        "kind": "ManifestWork",
        "metadata": {"name": "foreign", "namespace": names[0], "labels": {SELECTOR: "1"}},
        "spec": {"workload": {"manifests": []}},
    }
    await scene.admin.request("POST", paths.works(names[0]), body=foreign)
    await scene.start(preflight_inspections=True)
    await store.request(names, "1", NOW)

    async def only_foreign() -> bool:
        left = [each["metadata"]["name"] for each in await works(scene)]
        return await store.left(names) == 0 and left == ["foreign"]

    await scene.until(only_foreign, "the inspection's own work to go")
    await scene.admin.request("DELETE", paths.work(names[0], "foreign"))


async def there(scene: Scene, count: int) -> bool:
    return len(await works(scene)) == count


async def test_nothing_is_sent_where_inspections_are_off(scene: Scene, store: Inspections) -> None:
    names = await fleet(scene, 1)
    await scene.start()
    await store.request(names, "1", NOW)
    await asyncio.sleep(2.5)
    assert await store.left(names) == 1
    assert not await works(scene)


async def test_a_hub_without_read_only_works_says_so(scene: Scene, store: Inspections) -> None:
    names = await fleet(scene, 1)
    settings = scene.settings(preflight_inspections=True)
    pool = engine(scene.database_url)
    served = replace(await discover(scene.admin), update_strategies=frozenset({"Update"}))
    epoch = await Journal(pool, served.hub).lead("test")
    deadline = Deadline(asyncio.get_running_loop().time)
    deadline.move(inf)
    inspector = Inspector(settings, scene.admin, pool, served, Random())
    view = ClusterView(
        name=names[0], uid="u", accepted=True, deleting=False, reachable=True, local=False
    )
    inspector.lead(epoch, deadline, lambda name: view, lambda: False)
    found = await inspected(scene, store, names)
    await inspector.stop()
    await pool.dispose()
    assert "came with Open Cluster Management 0.14" in found[names[0]].problem

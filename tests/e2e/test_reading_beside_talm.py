"""Beside a live TALM no works are written either that only read on clusters (R20.1)."""

import asyncio
from collections.abc import AsyncIterator
from functools import partial

import pytest

from ibgu.controller.inspections import canary_works
from ibgu.controller.lookups import talm
from ibgu.core.drivers.canary_health import SELECTOR
from ibgu.core.drivers.canary_health.objects import MASTER
from ibgu.db.inspections import Inspections
from ibgu.hub import paths
from tests.core.drivers.canary_health.cluster import pool
from tests.e2e import test_canary_health, test_inspections
from tests.e2e.harness import Scene
from tests.e2e.manifests import ibgu, step
from tests.e2e.test_canary_health import Health, canary, waits
from tests.e2e.test_inspections import NOW
from tests.e2e.test_talm import NAMESPACE, lease

health = test_canary_health.health
store = test_inspections.store
SICK = "0 of 1 nodes of its MachineConfigPool master are ready"


@pytest.fixture(autouse=True)
async def quick(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[None]:
    """Looks for TALM often; no Lease of it stays on the hub."""
    monkeypatch.setattr(talm, "INTERVAL", 0.3)
    monkeypatch.setattr(canary_works, "INTERVAL", 0.3)
    await scene.tried("create", "namespace", NAMESPACE)
    yield
    await _ends(scene)


async def _ends(scene: Scene) -> None:
    await scene.kubectl("delete", "lease", talm.LEASE, "-n", NAMESPACE, "--ignore-not-found")


async def _known(scene: Scene) -> bool:
    return any("TALM" in problem for problem in scene.told_problems())


async def _questions(scene: Scene) -> list[int]:
    """The generations of the works that read how canaries are: each question is another one."""
    return [each["metadata"]["generation"] for each in await scene.items(paths.works(), SELECTOR)]


async def test_canaries_are_not_read_beside_a_live_talm(scene: Scene, health: Health) -> None:
    await scene.fleet(count=3)
    sick = {MASTER: pool(1, 0)}
    scene.act(canary(scene), partial(test_canary_health.equip, changes=sick))
    await scene.start()
    await health(nodes=True)
    await scene.apply(ibgu("careful", step("Prep"), fleet=scene.label))
    await waits(scene, SICK)
    await scene.apply(lease())
    await scene.until(partial(_known, scene), "ibgu to know that TALM is live")
    await asyncio.sleep(1.0)  # What was sent before is answered.
    before = await _questions(scene)
    await asyncio.sleep(2.0)  # nothing to wait for: it is about what must not happen
    assert await _questions(scene) == before
    await _ends(scene)
    scene.act(canary(scene), test_canary_health.equip)
    await scene.completed("careful")


async def test_inspections_wait_until_talm_is_gone(scene: Scene, store: Inspections) -> None:
    names = await test_inspections.fleet(scene, 2)
    await scene.apply(lease())
    await scene.start(preflight_inspections=True)
    await scene.until(partial(_known, scene), "ibgu to know that TALM is live")
    await store.request(names, "1", NOW)
    await asyncio.sleep(3.0)  # nothing to wait for: it is about what must not happen
    assert await test_inspections.works(scene) == []
    assert await store.left(names) == 2
    await _ends(scene)
    found = await test_inspections.inspected(scene, store, names)
    assert all(found[name].facts is not None for name in names)

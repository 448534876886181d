"""A tenant with hundreds of IBGUs keeps no other one waiting, on a real hub."""

from collections.abc import AsyncIterator

import pytest

from ibgu.hub import paths
from tests.e2e.harness import Scene
from tests.e2e.manifests import Object, ibgu, step
from tests.e2e.tenants import Tenants

NOISY, CALM = "tenant-a-noisy", "tenant-b-calm"
IBGUS = 250
BEGUN = """
    SELECT r.namespace, min(e.seq) AS seq FROM events e JOIN rollouts r ON r.uid = e.rollout
    WHERE e.kind = $1 GROUP BY r.uid, r.namespace ORDER BY seq
"""


@pytest.fixture
async def tenants(scene: Scene) -> AsyncIterator[Tenants]:
    found = Tenants(scene)
    for namespace in (NOISY, CALM):
        await found.namespace(namespace)
    yield found
    await found.close()


async def _create(scene: Scene, namespace: str, name: str, fleet: str) -> None:
    body: Object = ibgu(name, step("Prep"), fleet=fleet)
    body["metadata"]["namespace"] = namespace
    await scene.admin.request("POST", paths.ibgus(namespace), body=body)


@pytest.mark.usefixtures("tenants")
async def test_250_ibgus_of_one_tenant_hardly_delay_another(scene: Scene) -> None:
    """All are there when ibgu begins, the calm tenant's last and by its names too: of the noisy
    ones no more are begun before it than a share of two turns."""
    await scene.fleet(count=1)
    for number in range(IBGUS):
        await _create(scene, NOISY, f"a-{number:03}", "nobody")
    await _create(scene, CALM, "z", scene.label)
    await scene.start()

    async def over() -> bool:
        found = await scene.get(paths.ibgu(CALM, "z"))
        return str(found.get("status", {}).get("phase", "")).startswith("Completed")

    await scene.until(over, "the calm tenant's rollout to be over")
    for kind in ("RolloutSeen", "StepOpened", "StepStarted"):
        order = [row["namespace"] for row in await scene.journal(BEGUN, kind)]
        assert order.index(CALM) < IBGUS // 2, kind

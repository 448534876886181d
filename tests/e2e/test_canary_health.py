"""Canaries must be well while they soak: their health on the real API server (R50.15)."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from tests.e2e.harness import Scene
from tests.e2e.manifests import ibgu, step
from tests.e2e.test_rollout_policies import RUNS, body, kept

NAME = "proven"
Health = Callable[..., Awaitable[None]]


@pytest.fixture
async def health(scene: Scene) -> AsyncIterator[Health]:
    """Applies a policy whose canary is the first cluster, with these checks of its health."""

    async def apply(**checks: Any) -> None:
        canaries = {"selector": {"matchLabels": {"name": canary(scene)}}, "health": checks}
        await scene.apply(body(scene, NAME, canaries=canaries))

    yield apply
    await scene.kubectl("delete", "rolloutpolicy", NAME, "--ignore-not-found")


def canary(scene: Scene) -> str:
    return f"{scene.label}-1"


async def waits(scene: Scene, words: str) -> None:
    """Waits until both other clusters wait for the canary to be well, with these words."""

    async def held() -> bool:
        found = await kept(scene)
        begin = f"RolloutPolicy/{NAME}: the canaries must stay well, and {canary(scene)} is not: "
        return len(found) == 2 and all(each == begin + words for each in found)

    await scene.until(held, f"two clusters to wait: {words}")


async def began(scene: Scene) -> set[str]:
    return {row["cluster"] for row in await scene.journal(RUNS)}


async def test_a_condition_of_the_canary_lets_the_others_start(
    scene: Scene, health: Health
) -> None:
    await scene.fleet(count=3)
    await scene.reachable()
    await scene.start()
    await health(conditions=[{"type": "example.com/Alarm", "status": "False"}])
    await scene.apply(ibgu("careful", step("Prep"), fleet=scene.label))
    await waits(scene, "the ManagedCluster has no condition example.com/Alarm")
    await report(scene, "True")
    words = 'condition example.com/Alarm of the ManagedCluster is "True", not "False"'
    await waits(scene, words)
    await scene.stop()
    await scene.start()
    await waits(scene, words)
    assert await began(scene) == {canary(scene)}
    await report(scene, "False")
    await scene.completed("careful")
    assert len(await began(scene)) == 3


async def report(scene: Scene, status: str) -> None:
    """Sets the canary's condition, as a monitoring does."""
    path = f"/apis/cluster.open-cluster-management.io/v1/managedclusters/{canary(scene)}"
    found = (await scene.get(path))["status"]["conditions"]
    others = [each for each in found if each["type"] != "example.com/Alarm"]
    alarm = {
        "type": "example.com/Alarm",
        "status": status,
        "reason": "Monitoring",
        "message": "",
        "lastTransitionTime": "2026-01-01T00:00:00Z",
    }
    patch = json.dumps({"status": {"conditions": [*others, alarm]}})
    arguments = ("managedcluster", canary(scene), "--subresource=status", "--type=merge")
    await scene.kubectl("patch", *arguments, "-p", patch)

"""Troubles of a network with the connections between a controller and its hub."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.chaos.proxy import Proxy, before_hub
from tests.e2e.harness import Scene
from tests.e2e.manifests import ibgu, step

ALL = step("Prep", "Upgrade", "FinalizeUpgrade", most=3)


@asynccontextmanager
async def controlled(scene: Scene, folder: Path) -> AsyncIterator[Proxy]:
    """A controller whose hub is behind a network; its lease outlives what is done to it."""
    async with before_hub(scene.hub.url) as (network, url):
        kubeconfig = folder / "kubeconfig"
        direct = scene.hub.kubeconfig("ibgu").read_text()
        kubeconfig.write_text(direct.replace(scene.hub.url, url))
        await scene.start(
            kubeconfig=str(kubeconfig),
            watch_silence_seconds=5,
            lease_seconds=60,
            lease_renew_seconds=50,
        )
        yield network
        await scene.stop()


@pytest.mark.parametrize("trouble", [Proxy.cut, Proxy.forget], ids=["cut", "silent without a FIN"])
async def test_watches_that_break_in_mid_rollout(
    scene: Scene, tmp_path: Path, trouble: Callable[[Proxy], None]
) -> None:
    """New watches learn what the clusters report meanwhile, and nothing is done twice."""
    await scene.fleet(count=6, durations="60s-120s")
    async with controlled(scene, tmp_path) as network:
        await scene.apply(ibgu("network", ALL, fleet=scene.label))
        await scene.seen_in_journal("RunAccepted", count=3)
        before = network.taken
        trouble(network)
        status = await scene.completed("network")
        assert network.taken > before
    assert status["summary"]["succeeded"] == 6
    for number in range(1, 7):
        cluster = f"{scene.label}-{number}"
        assert scene.stages(cluster) == ["Prep", "Upgrade", "Finalize"]
        assert await scene.labels(cluster) == {}

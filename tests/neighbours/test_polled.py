"""A hub from before feedback by watch: the same stories where real agents only poll."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from ibgu.core.drivers import traits
from ibgu.core.engine.refresh import ranges
from ibgu.core.model.actions import AgeRange
from ibgu.sandbox.hub import SandboxHub
from tests.e2e.harness import actions
from tests.e2e.manifests import ibgu, step
from tests.e2e.test_freshness import (
    FIRST,
    polled_hub,
    test_an_end_is_seen_at_once_though_agents_poll,
)
from tests.neighbours.scene import RealScene, real_scene
from tests.neighbours.server import ManagedClusterServer

__all__ = ["polled_hub", "test_an_end_is_seen_at_once_though_agents_poll"]


@pytest.fixture
async def scene(
    polled_hub: SandboxHub,
    database_url: str,
    servers: list[ManagedClusterServer],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[RealScene]:
    """Agents poll as those of single-node clusters do: a rollout that waited for it would not end
    in time."""
    usual = AgeRange(FIRST, 60.0)
    monkeypatch.setattr(ranges, "traits", lambda action: replace(traits(action), usual=usual))
    async with real_scene(polled_hub, database_url, servers, tmp_path) as made:
        made.poll = "60s"
        yield made


async def test_a_whole_rollout_by_polling_alone(scene: RealScene) -> None:
    """Nobody touches a work between the writes that the rollout needs."""
    scene.poll = "4s"
    cluster, plan = f"{scene.label}-1", step("Prep", "Upgrade", "FinalizeUpgrade")
    await scene.fleet(count=1, version="4.16.3")
    await scene.start(feedback_refresh="off")
    await scene.apply(ibgu("polled", plan, fleet=scene.label))
    await scene.accepted()
    (work,) = await scene.works(cluster)
    (configured,) = work["spec"]["manifestConfigs"]
    assert "feedbackScrapeType" not in configured
    await scene.completed("polled")
    assert actions(await scene.entry("polled", cluster), "completed") == list(plan["actions"])
    assert scene.stages(cluster) == ["Prep", "Upgrade", "Finalize"]
    assert await scene.warnings("polled") == []

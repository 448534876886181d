"""Canaries must be well by a real Prometheus, while others wait (R50.18)."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from ibgu.controller.sources import questions
from tests.e2e.clock import ScaledTime
from tests.e2e.harness import Scene
from tests.e2e.manifests import ibgu, step
from tests.e2e.metrics import Metrics, prometheus
from tests.e2e.test_canary_health import NAME, Health, began, canary, waits
from tests.e2e.test_rollout_policies import body, kept

REGION = "example.com/region"
QUERY = f'sum(cells_up{{cluster="$cluster", region="$label({REGION})"}}) > bool 2'


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(questions, "INTERVAL", 0.5)


@pytest.fixture
async def health(scene: Scene) -> AsyncIterator[Health]:
    """Applies a policy whose canary is the first cluster and soaks, with these checks."""

    async def apply(**checks: Any) -> None:
        selector = {"matchLabels": {"name": canary(scene)}}
        canaries = {"selector": selector, "soakMinutes": 5, "health": checks}
        await scene.apply(body(scene, NAME, canaries=canaries))

    yield apply
    await scene.kubectl("delete", "rolloutpolicy", NAME, "--ignore-not-found")


async def soaks(scene: Scene) -> None:
    """Waits until both other clusters wait for nothing but time."""
    words = f"RolloutPolicy/{NAME}: the canaries have succeeded, and must stay well until "

    async def held() -> bool:
        found = await kept(scene)
        return len(found) == 2 and all(each.startswith(words) for each in found)

    await scene.until(held, "two clusters to wait for the soak")
    assert await began(scene) == {canary(scene)}


@pytest.fixture
async def cells(tmp_path: Path) -> AsyncIterator[Metrics]:
    async with prometheus(tmp_path) as found:
        yield found


def sources(tmp_path: Path, *found: dict[str, Any]) -> str:
    """Returns the file of these sources."""
    path = tmp_path / "sources.yaml"
    path.write_text(yaml.safe_dump({"sources": list(found)}))
    return str(path)


def up(scene: Scene, cells: float, region: str = "north") -> dict[str, float]:
    """The cells of the canary that are up, and those of others."""
    return {
        f'cells_up{{cluster="{canary(scene)}", region="{region}"}}': cells,
        'cells_up{cluster="other", region="north"}': 9,
    }


async def test_a_query_to_a_real_prometheus_lets_the_others_start(
    scene: Scene, health: Health, cells: Metrics, tmp_path: Path
) -> None:
    await scene.fleet(count=3)
    clock = ScaledTime(1)
    thanos = {"name": "thanos", "url": cells.url}
    await scene.start(clock=clock, health_sources_file=sources(tmp_path, thanos))
    await health(metrics=[{"source": "thanos", "query": QUERY}])
    await scene.apply(ibgu("careful", step("Prep"), fleet=scene.label))
    await waits(scene, f"the ManagedCluster has no label {REGION}, which the query needs")
    await scene.kubectl("label", "managedcluster", canary(scene), f"{REGION}=north")
    what = f'the query "{QUERY}" of the source thanos returns'
    await waits(scene, f"{what} no sample")
    cells.shown = up(scene, 2)
    await waits(scene, f"{what} 0 for {{}}")
    assert await began(scene) == {canary(scene)}
    cells.shown = up(scene, 3)
    await soaks(scene)
    cells.shown = up(scene, 2)
    await waits(scene, f"{what} 0 for {{}}")
    cells.shown = up(scene, 3)
    clock.speed = 40
    await scene.completed("careful")
    assert len(await began(scene)) == 3


async def test_a_source_that_ibgu_does_not_know_keeps_the_canaries_too(
    scene: Scene, health: Health
) -> None:
    await scene.fleet(count=3)
    await scene.start()
    await health(metrics=[{"source": "noc", "query": QUERY}])
    await scene.apply(ibgu("careful", step("Prep"), fleet=scene.label))
    words = (
        f"RolloutPolicy/{NAME}: ibgu knows no source noc: have its administrator add it to "
        "healthSources.sources of the chart, or have the policy's owner name another one"
    )

    async def held() -> bool:
        return await kept(scene) == [words] * 3

    await scene.until(held, "all three clusters to wait for the source")
    assert await began(scene) == set()

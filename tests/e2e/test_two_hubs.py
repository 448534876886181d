"""Two hubs and one database: each hub's controller and API do and tell only what is their hub's.

The clusters and the rollouts of both have the same names.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

from ibgu.api.app import create_app
from ibgu.api.context import Context, Probes
from ibgu.db import engine
from ibgu.hub import paths
from ibgu.hub.authorization.access import Access
from ibgu.hub.client import HubClient
from ibgu.hub.decode import ObjectIdentity
from ibgu.sandbox.hub import SandboxHub
from tests.e2e.conftest import scene_on
from tests.e2e.harness import Scene
from tests.e2e.manifests import appended, ibgu, step

NAMES = ("twin-1", "twin-2", "twin-3")
BROKEN = "twin-2"
ROLLOUT = "shared"


@pytest.fixture(scope="module")
def second_hub() -> Iterator[SandboxHub]:
    with SandboxHub() as hub:
        yield hub


@pytest.fixture
async def neighbour(second_hub: SandboxHub, database_url: str) -> AsyncIterator[Scene]:
    """A scene on the other hub, in the same database."""
    async with scene_on(second_hub, database_url) as made:
        yield made


async def hub_of(scene: Scene) -> str:
    found = await scene.admin.get(paths.namespace("kube-system"), ObjectIdentity)
    return found.metadata.uid


async def _fine() -> None:
    return None


@asynccontextmanager
async def asking(scene: Scene) -> AsyncIterator[httpx.AsyncClient]:
    """The hub's own API."""
    pool = engine(scene.database_url)
    async with await HubClient.connect(str(scene.hub.kubeconfig("ibgu"))) as client:
        app = create_app(Context(await hub_of(scene), pool, Access(client), Probes(_fine)))
        transport = httpx.ASGITransport(app=app)
        base = "http://ibgu/api/v1"
        async with httpx.AsyncClient(transport=transport, base_url=base) as rest:
            yield rest
    await pool.dispose()


async def get(rest: httpx.AsyncClient, of: Scene, path: str) -> httpx.Response:
    """Asks as the user `alice` of that scene's hub."""
    return await rest.get(path, headers={"Authorization": f"Bearer {of.hub.token('alice')}"})


async def outcomes(rest: httpx.AsyncClient, of: Scene) -> dict[str, Any]:
    answer = await get(rest, of, f"/rollouts/default/{ROLLOUT}/members?step=1")
    assert answer.status_code == 200, answer.text
    return {each["cluster"]: each["outcome"] for each in answer.json()["items"]}


async def test_each_controller_and_api_serves_only_its_hub(scene: Scene, neighbour: Scene) -> None:
    both = (scene, neighbour)
    await scene.fleet(names=NAMES, faults=[f"prep.precache@{BROKEN}"])
    await neighbour.fleet(names=NAMES)
    await asyncio.gather(*(each.start() for each in both))
    for each in both:
        await each.apply(ibgu(ROLLOUT, step("Prep", most=1), fleet=each.label))
    await scene.phase(ROLLOUT, "CompletedWithFailures")
    await neighbour.phase(ROLLOUT, "Completed")
    await scene.at_rest()

    assert await scene.labels(BROKEN) == {"prep-failed": ""}
    assert await neighbour.labels(BROKEN) == {"prep-completed": ""}
    for each in both:
        assert [each.stages(name) for name in NAMES] == [["Prep"]] * 3
    async with asking(scene) as here, asking(neighbour) as there:
        good = dict.fromkeys(NAMES, "succeeded")
        assert await outcomes(here, scene) == good | {BROKEN: "failed"}
        assert await outcomes(there, neighbour) == good
        assert (await get(here, neighbour, "/rollouts")).status_code == 401
    await _numbered_apart(both)


async def _numbered_apart(both: tuple[Scene, Scene]) -> None:
    """Epochs, turns and events of its own, without a gap."""
    for each in both:
        hub = await hub_of(each)
        (row,) = await each.journal("SELECT epoch, last_seq FROM hubs WHERE id = $1", hub)
        events = await each.journal("SELECT seq FROM events WHERE hub = $1 ORDER BY seq", hub)
        (led,) = await each.journal("SELECT count(*) AS leads FROM leaders WHERE hub = $1", hub)
        assert row["epoch"] == led["leads"]
        assert [event["seq"] for event in events] == list(range(1, row["last_seq"] + 1))


async def test_one_hub_continues_while_the_controller_of_the_other_is_stopped(
    scene: Scene, neighbour: Scene
) -> None:
    both = (scene, neighbour)
    for each in both:
        await each.fleet(names=NAMES)
        await each.start()
        await each.apply(ibgu(ROLLOUT, step("Prep"), fleet=each.label))
    await asyncio.gather(*(each.phase(ROLLOUT, "Completed") for each in both))
    await scene.stop()
    for each in both:
        await each.append(ROLLOUT, appended("Upgrade", 3, 60))
    await neighbour.phase(ROLLOUT, "Completed")
    assert [scene.stages(name) for name in NAMES] == [["Prep"]] * 3
    await scene.start()
    await scene.phase(ROLLOUT, "Completed")
    await scene.at_rest()
    for each in both:
        assert [each.stages(name) for name in NAMES] == [["Prep", "Upgrade"]] * 3

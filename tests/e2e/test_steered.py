"""A rollout that an operator steers through REST from its beginning to its last retry."""

from collections.abc import AsyncIterator, Awaitable, Callable

import httpx
import pytest

from ibgu.api.app import create_app
from ibgu.api.context import Context, Probes
from ibgu.db import engine
from ibgu.hub import paths
from ibgu.hub.authorization.access import Access
from ibgu.hub.client import HubClient
from ibgu.hub.decode import Bare
from tests.e2e.harness import Scene
from tests.e2e.manifests import ibgu, step

Post = Callable[[str], Awaitable[str]]


async def _fine() -> None:
    return None


@pytest.fixture
async def post(scene: Scene) -> AsyncIterator[Post]:
    """A change of the rollout `steered`, as olga; what is answered."""
    pool = engine(scene.database_url)
    token = f"Bearer {scene.hub.token('olga')}"
    headers = {"Authorization": token, "Content-Type": "application/json"}
    async with await HubClient.connect(str(scene.hub.kubeconfig("ibgu"))) as client:
        system = await client.get(paths.namespace("kube-system"), Bare)
        app = create_app(Context(system.metadata.uid, pool, Access(client), Probes(_fine)))
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://ibgu") as rest:

            async def post(what: str) -> str:
                path = f"/api/v1/rollouts/default/steered/{what}"
                answer = await rest.post(path, headers=headers)
                assert answer.status_code == 202, answer.text
                return str(answer.json()["done"])

            yield post
    await pool.dispose()


async def test_paused_resumed_aborted_and_tried_again(scene: Scene, post: Post) -> None:
    broken = f"{scene.label}-2"
    await scene.fleet(count=3, faults=[f"prep.precache*1@{broken}"])
    await scene.start()
    born_paused = {"ibgu.dev/pause": "not before midnight"}
    plan = [step("Prep", most=1)]
    await scene.apply(ibgu("steered", *plan, fleet=scene.label, annotations=born_paused))
    status = await scene.phase("steered", "Held")
    assert "not before midnight" in str(status["conditions"])
    assert await scene.items(paths.works()) == []

    await post("resume")
    await scene.completed("steered")
    assert await scene.labels(broken) == {"prep-failed": ""}

    assert (await post("abort")).startswith("AbortOnFailure is step 2 of steered")
    await scene.completed("steered")
    assert await scene.labels(broken) == {}

    again = (await post("retry")).split()[0]
    await scene.completed(again)
    assert await scene.labels(broken) == {"prep-completed": ""}
    entry = await scene.status(again)
    assert [each["name"] for each in entry["clusters"]] == [broken]
    rows = await scene.journal(
        "SELECT kind FROM events WHERE actor = 'via the hub (ibgu-rest:olga)'"
    )
    assert {"PlanAccepted", "RolloutSeen"} <= {row["kind"] for row in rows}

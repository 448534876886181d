"""A rollout that an operator steers through REST from its beginning to its last retry."""

from collections.abc import AsyncIterator, Awaitable, Callable

import httpx
import pytest

from ibgu.api.app import create_app
from ibgu.api.context import Context, Probes
from ibgu.client.wire import USER_AGENT
from ibgu.db import engine
from ibgu.hub import paths
from ibgu.hub.authorization.access import Access
from ibgu.hub.client import HubClient
from ibgu.hub.decode import ObjectIdentity
from ibgu.sim.cluster import SimulatedCluster
from tests.e2e.harness import Scene
from tests.e2e.manifests import Object, ibgu, step

Post = Callable[..., Awaitable[str]]


async def _fine() -> None:
    return None


@pytest.fixture
async def rest(scene: Scene) -> AsyncIterator[httpx.AsyncClient]:
    """REST for olga, below the rollout `steered`."""
    pool = engine(scene.database_url)
    headers = {"Authorization": f"Bearer {scene.hub.token('olga')}"}
    async with await HubClient.connect(str(scene.hub.kubeconfig("ibgu"))) as client:
        system = await client.get(paths.namespace("kube-system"), ObjectIdentity)
        app = create_app(Context(system.metadata.uid, pool, Access(client), Probes(_fine)))
        url = "http://ibgu/api/v1/rollouts/default/steered/"
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url=url, headers=headers) as rest:
            yield rest
    await pool.dispose()


@pytest.fixture
def post(rest: httpx.AsyncClient) -> Post:
    """A change of the rollout; what is answered."""

    async def post(what: str, body: Object | None = None, **headers: str) -> str:
        headers = {"Content-Type": "application/json", **headers}
        answer = await rest.post(what, json=body, headers=headers)
        assert answer.status_code == 202, answer.text
        return str(answer.json()["done"])

    return post


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

    told = await post("cancel", {"which": "failed"})
    assert told.startswith("AbortOnFailure for 1 cluster of steered, as the next step of its plan")
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


async def test_the_activity_says_what_the_controller_saw_of_each_change(
    scene: Scene, post: Post, rest: httpx.AsyncClient
) -> None:
    """Paused on the page, resumed by REST, skipped and appended by the command line."""
    running, skipped, last = (f"{scene.label}-{n}" for n in (1, 2, 3))
    await scene.fleet(count=3, faults=[f"frozen-feedback/Prep@{running}"])
    await scene.start()
    for name in (skipped, last):  # else one of them may answer its probe, and so start, first
        scene.act(name, lambda cluster, now: SimulatedCluster.go_dark(cluster))
    await scene.apply(ibgu("steered", step("Prep", most=1), fleet=scene.label))
    await scene.until(lambda: scene.stages(running) == ["Prep"], "the first cluster to begin")
    for name in (skipped, last):
        scene.act(name, lambda cluster, now: SimulatedCluster.come_back(cluster))
    await post("pause", {"why": "the mirror is down"}, Origin="http://ibgu")
    await scene.phase("steered", "Held")
    await post("resume")
    await scene.phase("steered", "Running")
    cli = {"User-Agent": USER_AGENT}
    await post("skip", {"clusters": [skipped]}, **cli)
    await scene.seen_in_journal("MemberFinished", skipped)
    await post("steps", {"actions": ["Upgrade"]}, **cli)
    await scene.seen_in_journal("PlanAccepted", count=2)
    scene.freeze(running, False)
    await scene.completed("steered")
    items = (await rest.get("activity")).json()["items"]
    told = [(each["title"], each["text"], each["who"], each["via"]) for each in reversed(items)]
    assert [each for each in told if each[2]] == [
        (
            "Paused",
            "paused by a person (olga: the mirror is down); it goes on once the annotation "
            "ibgu.dev/pause is removed",
            "olga",
            "page",
        ),
        ("Resumed", "the pause (olga: the mirror is down) has ended", "olga", "rest"),
        ("Skipped", "1 waiting cluster skipped", "olga", "cli"),
        ("Plan changed", "Prep, then Upgrade", "olga", "cli"),
    ]
    assert told[0] == ("Created", "Prep", None, "kubectl-client-side-apply")
    assert told[-1][0] == "Completed"

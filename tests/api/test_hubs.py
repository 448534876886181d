"""Several hubs in one database: the API of one never tells anything of another, on no route.

Both hubs have rollouts of the same names and uids; only their clusters are called differently.
"""

import asyncio
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from ibgu.api.context import Context
from ibgu.db.reads import Reads
from ibgu.sandbox.hub import SandboxHub
from tests.benchmarks.history import Course, History, fill, history
from tests.benchmarks.journal.routes import asked, walk

OTHER = "other-hub"
THEIRS = "alien"


@pytest.fixture
async def both(context: Context, database_url: str) -> tuple[History, History]:
    """This API's hub, and another one beside it."""
    mine = history(4000, 60, rollouts=6, hub=context.hub)
    theirs = History(mine.clusters, mine.courses, OTHER, THEIRS)
    await fill(database_url, mine)
    await fill(database_url, theirs)
    return mine, theirs


async def answers(
    app: FastAPI, client: httpx.AsyncClient, of: History, course: Course
) -> list[tuple[str, httpx.Response]]:
    async def get(path: str, query: dict[str, Any]) -> httpx.Response:
        """Asks until it is answered: a hub on which someone changes a schema answers 429 for a
        moment."""
        answer = await client.get(path, params=query)
        for _ in range(30):
            if answer.status_code != httpx.codes.SERVICE_UNAVAILABLE:
                break
            await asyncio.sleep(float(answer.headers["Retry-After"]))
            answer = await client.get(path, params=query)
        return answer

    return [
        (str(each), answer)
        for each in asked(app, of, course)
        async for answer in walk(get, each, pages=20)
    ]


async def test_no_route_leaks_another_hub(
    app: FastAPI,
    client: httpx.AsyncClient,
    both: tuple[History, History],
    sandbox_hub: SandboxHub,
) -> None:
    client.headers["Authorization"] = f"Bearer {sandbox_hub.token('alice')}"
    mine, theirs = both
    found = await answers(app, client, mine, mine.courses[-1])
    assert len(found) > 80
    for route, answer in found:
        # What these ask for is on the hub itself, which has neither seed images nor these clusters,
        # and no policies.
        on_hub = ("/api/v1/seed-images/", "/api/v1/clusters/{name}/seed", "/api/v1/policies/")
        absent = route.startswith(on_hub)
        assert answer.status_code == (404 if absent else 200), f"{route}: {answer.text}"
        assert THEIRS not in answer.text, route
    assert any(mine.site in answer.text for _, answer in found)
    for route, answer in await answers(app, client, theirs, theirs.courses[-1]):
        if answer.status_code == 200:
            assert THEIRS not in answer.text, route
        else:
            assert answer.status_code == 404, route


async def test_no_stream_leaks_another_hub(app: FastAPI, both: tuple[History, History]) -> None:
    reads = app.state.feed.reads
    uid = both[1].courses[-1].uid
    for rollout in (None, uid):
        found = (await reads.events_after(0, rollout=rollout, limit=5000)).items
        assert found
        assert not any(THEIRS in (event.cluster or "") for event in found)


async def test_the_other_hub_has_rows_of_its_own(
    context: Context, both: tuple[History, History]
) -> None:
    """The tests above would also pass for a hub that has nothing."""
    _, theirs = both
    page = await Reads(context.engine, OTHER).members(theirs.courses[-1].uid, limit=5)
    assert all(row.member.cluster.startswith(THEIRS) for row in page.items)

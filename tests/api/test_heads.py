"""HEAD is GET without the body, on every route for GET."""

import asyncio

import httpx
import pytest
from fastapi import FastAPI

from ibgu import telemetry
from ibgu.db import Journal
from ibgu.sandbox.hub import SandboxHub
from tests.api.fleet import fleet

PATHS = (
    "/",
    "/healthz",
    "/openapi.json",
    "/api/v1/whoami",
    "/api/v1/rollouts",
    "/api/v1/rollouts/default/ran-r1",
    "/api/v1/rollouts/default/ran-r1/steps",
    "/api/v1/rollouts/default/none",
)
VARIES = {"date"}


@pytest.fixture
def token(sandbox_hub: SandboxHub) -> dict[str, str]:
    return {"Authorization": f"Bearer {sandbox_hub.token('alice')}"}


@pytest.mark.parametrize("path", PATHS)
async def test_a_head_is_that_of_get(
    server: str, journal: Journal, token: dict[str, str], path: str
) -> None:
    await fleet(journal)
    async with httpx.AsyncClient(base_url=server, headers=token, timeout=30) as client:
        got, asked = await client.get(path), await client.head(path)
    assert (asked.status_code, asked.content) == (got.status_code, b"")
    heads = [{k: v for k, v in each.headers.items() if k not in VARIES} for each in (got, asked)]
    assert heads[0] == heads[1]


async def test_a_head_of_the_stream_ends_at_once(
    server: str, journal: Journal, token: dict[str, str]
) -> None:
    await fleet(journal)
    async with httpx.AsyncClient(base_url=server, headers=token, timeout=None) as client:
        async with asyncio.timeout(30):
            answer = await client.head("/api/v1/stream")
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["content-type"].startswith("text/event-stream")


async def test_a_head_needs_a_token_and_counts_for_its_route(
    client: httpx.AsyncClient, journal: Journal, token: dict[str, str]
) -> None:
    await fleet(journal)
    assert (await client.head("/api/v1/rollouts")).status_code == 401
    for method in ("GET", "HEAD"):
        answer = await client.request(method, "/api/v1/rollouts/default/ran-r1", headers=token)
        assert answer.status_code == 200
    routes = {
        method: {
            sample.labels["route"]
            for metric in telemetry.API_REQUESTS.collect()
            for sample in metric.samples
            if sample.labels["method"] == method and sample.labels["route"].endswith("/{name}")
        }
        for method in ("GET", "HEAD")
    }
    assert routes["HEAD"]
    assert routes["HEAD"] <= routes["GET"]


async def test_a_method_that_a_path_lacks_is_refused_with_those_that_it_has(
    client: httpx.AsyncClient, app: FastAPI, token: dict[str, str]
) -> None:
    """Without a body a DELETE needs no Content-Type to learn that."""
    answer = await client.delete("/api/v1/rollouts/default/ran-r1", headers=token)
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD")
    for method in ("GET", "HEAD"):
        answer = await client.request(
            method, "/api/v1/rollouts/default/ran-r1/pause", headers=token
        )
        assert (answer.status_code, answer.headers["allow"]) == (405, "POST")

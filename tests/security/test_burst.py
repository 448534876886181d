"""Bursts of connections beyond the limit: what a probe, a reader and a follower see meanwhile."""

import asyncio
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

from ibgu.db import Journal
from ibgu.sandbox.hub import SandboxHub
from tests.api.conftest import context, engine, hub_client, journal
from tests.api.fleet import open_step, rollout, seen
from tests.db.records import step
from tests.security.api_process import Api, running_api, until_ready

__all__ = ["context", "engine", "hub_client", "journal"]


LIMIT = 200
BURST = 800
"""Connections at once, several times the limit."""
ASKED = 12


@pytest.fixture
def api(sandbox_hub: SandboxHub, database_url: str, tmp_path: Path) -> Iterator[Api]:
    with running_api(sandbox_hub, database_url, tmp_path / "api.log", connections=LIMIT) as found:
        yield found


@asynccontextmanager
async def _attack(api: Api) -> AsyncIterator[None]:
    command = [sys.executable, "-m", "tests.security.burst", str(api.port), str(BURST)]
    pipe = asyncio.subprocess.PIPE
    attacker = await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe)
    try:
        yield
    finally:
        out, _ = await attacker.communicate(b"\n")
    assert int(out) > LIMIT


async def _cut(client: httpx.AsyncClient) -> float:
    """Returns how many connections were cut so that others are served."""
    metrics = (await client.get("/metrics")).text
    name = 'ibgu_api_refused_total{why="connections"} '
    return float(next((x for x in metrics.splitlines() if x.startswith(name)), "x 0").split()[1])


async def _asks(api: Api, path: str) -> list[str]:
    """Returns the answers to each of many new connections, one after the other."""
    told = []
    for _ in range(ASKED):
        async with api.client() as client:
            try:
                answer = await client.get(path)
                told.append(str(answer.status_code))
            except httpx.TransportError as error:
                told.append(type(error).__name__)
    return told


async def test_requests_are_answered_during_a_burst_of_idle_connections(
    api: Api, journal: Journal
) -> None:
    found = rollout()
    await seen(journal, found)
    async with api.client() as client:
        await until_ready(api, client)
        async with client.stream("GET", "/api/v1/stream?after=0") as stream:
            lines = stream.aiter_lines()
            assert "event: event" in [await anext(lines), await anext(lines)]
            async with _attack(api):
                while await _cut(client) < LIMIT:
                    pass
                paths = ("/healthz", "/readyz", "/api/v1/rollouts")
                probes = await asyncio.gather(*(_asks(api, path) for path in paths))
            await open_step(journal, step(found, 0))
            async for line in lines:
                if "StepStarted" in line:
                    break
            else:
                pytest.fail("the stream was cut")
    for path, told in zip(paths, probes, strict=True):
        assert told == ["200"] * ASKED, path

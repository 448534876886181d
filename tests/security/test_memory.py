"""The memory of a real API process under streams that nobody takes and requests that never end."""

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

import httpx
import pytest

from ibgu.core.model import Kind, OnRollout, Rollout
from ibgu.core.text.cut import MAX_BYTES
from ibgu.db import Journal
from ibgu.sandbox.hub import SandboxHub
from tests.api.conftest import context, engine, hub_client, journal
from tests.api.fleet import rollout, seen, tell
from tests.security.api_process import Api, running_api, until_ready

__all__ = ["context", "engine", "hub_client", "journal"]


STREAMS = 600
HALF_OPEN = 1000
EVENTS = 1200
MIB = 2**20
POD_LIMIT = 512 * MIB
"""The limit in charts/ibgu/values.yaml."""
GROWTH = 160 * MIB
SENT = b"x" * 50_000
"""A piece of a body of 500 KB."""
_SMALL = 4096


@pytest.fixture
def api(sandbox_hub: SandboxHub, database_url: str, tmp_path: Path) -> Iterator[Api]:
    """Yields an API whose limits let all of them in: what each costs is to be bounded too."""
    limits = {"connections": 5000, "streams": 1000, "streams_per_user": 1000}
    rates = {"rate": 100_000, "burst": 100_000}
    log = tmp_path / "api.log"
    with running_api(sandbox_hub, database_url, log, **limits, **rates) as found:
        yield found


async def _events(journal: Journal, found: Rollout, count: int) -> None:
    """Writes events as long as a cluster can make them."""
    words = "x" * MAX_BYTES
    for begin in range(0, count, 100):
        now = range(min(100, count - begin))
        await tell(journal, *(OnRollout(Kind.PLAN_ACCEPTED, found, words) for _ in now))


async def _heard(client: httpx.AsyncClient, after: int, until: int) -> None:
    """A stream that is taken says all of them, whatever the others do."""
    async with client.stream("GET", "/api/v1/stream", params={"after": after}) as answer:
        async for line in answer.aiter_lines():
            if line == f"id: {until}":
                return
    raise AssertionError("the stream has ended")


def _connected(port: int) -> socket.socket:
    """That takes next to nothing."""
    made = socket.socket()
    made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _SMALL)
    made.connect(("127.0.0.1", port))
    made.setblocking(False)
    return made


def _asked(method: str, path: str, token: str, *more: str) -> bytes:
    lines = [f"{method} {path} HTTP/1.1", "Host: ibgu", *more]
    lines += [f"Authorization: Bearer {token}"] if token else []
    return "\r\n".join([*lines, "", ""]).encode()


@asynccontextmanager
async def _flood(api: Api) -> AsyncIterator[None]:
    """Streams from the first event on that nobody takes; heads and bodies of which half came."""
    loop, held = asyncio.get_running_loop(), list[Any]()
    of_body = ("Content-Type: application/json", "Content-Length: 500000")
    body = "/api/v1/preview"
    halves = (
        b"GET /api/v1/rollouts HTTP/1.1\r\nX: " + b"x" * 10_000,
        _asked("POST", body, "", *of_body) + SENT,
        _asked("POST", body, api.token, *of_body) + SENT,
    )
    try:
        for number in range(HALF_OPEN):
            held.append(closing(_connected(api.port)))
            await _pushed(loop, held[-1].thing, halves[number % len(halves)])
        for _ in range(STREAMS):
            held.append(closing(_connected(api.port)))
            asked = _asked("GET", "/api/v1/stream?after=0", api.token)
            await loop.sock_sendall(held[-1].thing, asked)
        for each in held[HALF_OPEN:]:
            assert (await loop.sock_recv(each.thing, 15)) == b"HTTP/1.1 200 OK"
        yield
    finally:
        for each in held:
            each.thing.close()


async def _pushed(loop: asyncio.AbstractEventLoop, to: socket.socket, data: bytes) -> None:
    """Sends as much as the server takes: who is refused need not be read."""
    try:
        async with asyncio.timeout(0.2):
            await loop.sock_sendall(to, data)
    except (TimeoutError, ConnectionError):
        return


async def test_streams_that_nobody_takes_and_half_open_requests_cost_little(
    api: Api, journal: Journal
) -> None:
    found = rollout()
    await seen(journal, found)
    await _events(journal, found, EVENTS)
    async with api.client() as client:
        await until_ready(api, client)
        await _heard(client, 0, EVENTS)
        before = api.peak
        async with _flood(api):
            await _events(journal, found, 100)
            await _heard(client, EVENTS, EVENTS + 100)
            assert (await client.get("/healthz")).text == "ok"
        after = api.peak
    print(f"{before / MIB:.0f} MiB, then {after / MIB:.0f} MiB")
    assert after - before < GROWTH
    assert after < POD_LIMIT

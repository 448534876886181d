"""A caller without a token that the hub accepts costs little, and takes nothing from others."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from ipaddress import ip_network
from urllib.parse import urlsplit

import httpx
import pytest
from msgspec.structs import replace

from ibgu.api.app import create_app
from ibgu.api.context import Context
from ibgu.api.http.rates import UnknownTokens
from ibgu.hub.authorization.access import Access
from ibgu.hub.client import HubClient
from ibgu.sandbox.hub import SandboxHub
from tests.api.conftest import app, client, context, engine, hub_client, journal, server

__all__ = ["app", "client", "context", "engine", "hub_client", "journal", "server"]

# The server may still pass over what it did not read when the test's loop ends.
pytestmark = pytest.mark.filterwarnings("ignore:unclosed (transport|<socket):ResourceWarning")

HALF_SENT = 150
FLOOD = 600
_BODY = "Content-Type: application/json\r\nContent-Length: 500000"


async def _half_sent(server: str, path: str, token: str | None = None) -> bytes:
    """The first line of the answer to a body of which only the beginning ever comes."""
    parts = urlsplit(server)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    bearer = f"Authorization: Bearer {token}\r\n" if token else ""
    head = f"POST {path} HTTP/1.1\r\nHost: ibgu\r\n{bearer}{_BODY}\r\n\r\n"
    try:
        writer.write(head.encode() + b'{"why": "' + b"x" * 1000)
        return await reader.readline()
    finally:
        writer.transport.abort()
        with suppress(OSError):
            await writer.wait_closed()


@pytest.mark.parametrize("path", ["rollouts/default/ran-r1/pause", "preview"])
async def test_without_a_token_no_body_is_waited_for(server: str, path: str) -> None:
    asked = [_half_sent(server, f"/api/v1/{path}") for _ in range(HALF_SENT)]
    assert set(await asyncio.gather(*asked)) == {b"HTTP/1.1 401 Unauthorized\r\n"}
    wrong = await _half_sent(server, f"/api/v1/{path}", "wrong")
    assert wrong == b"HTTP/1.1 401 Unauthorized\r\n"


@pytest.mark.parametrize("path", ["/nowhere", "/api/v1/nowhere", "/healthz"])
async def test_no_body_is_awaited_where_no_route_takes_one(server: str, path: str) -> None:
    answer = await _half_sent(server, path)
    assert answer.split()[1] in (b"404", b"405")


@pytest.fixture
async def flooded(context: Context, hub_client: HubClient) -> AsyncIterator[httpx.AsyncClient]:
    """No answer of the hub is kept, and the time in which tokens may be tried stands still."""
    context = replace(
        context,
        access=Access(hub_client, ttl=0.0),
        unknown_tokens=UnknownTokens(20, clock=lambda: 0.0),
    )
    transport = httpx.ASGITransport(app=create_app(context))
    async with httpx.AsyncClient(transport=transport, base_url="http://ibgu") as client:
        yield client


async def test_a_flood_from_one_address_behind_a_proxy_blocks_no_other(
    context: Context, hub_client: HubClient, sandbox_hub: SandboxHub
) -> None:
    """All came from the address of the router, and nobody who was new got in."""
    context = replace(
        context,
        access=Access(hub_client),
        proxies=(ip_network("127.0.0.0/8"), ip_network("10.128.0.0/14")),
        unknown_tokens=UnknownTokens(20, clock=lambda: 0.0),
    )
    transport = httpx.ASGITransport(app=create_app(context))
    async with httpx.AsyncClient(transport=transport, base_url="http://ibgu") as client:

        async def ask(token: str, told: str) -> int:
            headers = {"Authorization": f"Bearer {token}", "X-Forwarded-For": told}
            return (await client.get("/api/v1/whoami", headers=headers)).status_code

        flood = {await ask(f"random-{n}", f"10.0.0.{n % 250}, 10.9.9.9") for n in range(FLOOD)}
        assert flood == {401, 429}, "what an attacker writes in front does not count"
        assert await ask(sandbox_hub.token("alice"), "10.8.8.8") == 200
        assert await ask("another", "10.9.9.9, 10.129.0.7") == 429, "two proxies in a row"
        assert await ask("another", "fd00:0:0:1::1") == 401


async def test_a_client_that_is_no_proxy_names_no_other_one(flooded: httpx.AsyncClient) -> None:
    async def ask(number: int) -> int:
        told = {"X-Forwarded-For": f"10.0.{number // 250}.{number % 250}"}
        headers = {"Authorization": f"Bearer random-{number}"} | told
        return (await flooded.get("/api/v1/whoami", headers=headers)).status_code

    answers = [await ask(number) for number in range(FLOOD)]
    assert answers.count(401) == 50, "those of one address"


@pytest.mark.parametrize(
    ("first", "second", "together"),
    [
        ("2001:db8:0:1::1", "2001:db8:0:1:ffff::2", True),
        ("2001:db8:0:1::1", "2001:db8:0:2::1", False),
        ("192.0.2.1", "::ffff:192.0.2.1", True),
        ("192.0.2.1", "192.0.2.2", False),
    ],
)
async def test_addresses_that_count_as_one_client(
    context: Context, hub_client: HubClient, first: str, second: str, together: bool
) -> None:
    context = replace(
        context,
        access=Access(hub_client, ttl=0.0),
        unknown_tokens=UnknownTokens(0.4, clock=lambda: 0.0),
    )
    answers = []
    for address in (first, second):
        transport = httpx.ASGITransport(app=create_app(context), client=(address, 1))
        async with httpx.AsyncClient(transport=transport, base_url="http://ibgu") as client:
            headers = {"Authorization": f"Bearer of-{address}"}
            answers.append((await client.get("/api/v1/whoami", headers=headers)).status_code)
    assert answers == [401, 429 if together else 401]


async def test_a_flood_of_random_tokens_asks_the_hub_little(
    flooded: httpx.AsyncClient, hub_client: HubClient, sandbox_hub: SandboxHub
) -> None:
    async def ask(token: str) -> httpx.Response:
        headers = {"Authorization": f"Bearer {token}"}
        return await flooded.get("/api/v1/whoami", headers=headers)

    known = sandbox_hub.token("alice")
    assert (await ask(known)).status_code == 200
    before = hub_client.requests.total()
    answers = [await ask(f"random-{number}") for number in range(FLOOD)]
    reviews = hub_client.requests.total() - before
    assert reviews == 49, "fifty at once from one address, and one was alice's first"
    assert [each.status_code for each in answers].count(429) == FLOOD - reviews
    refused = answers[-1]
    assert refused.headers["content-type"] == "application/problem+json"
    assert int(refused.headers["retry-after"]) >= 1
    assert (await ask(known)).status_code == 200, "who was accepted before is asked about again"

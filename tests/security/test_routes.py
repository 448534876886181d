"""A table over all routes of the application itself: a new one can't be forgotten."""

import json
from collections.abc import AsyncIterator
from datetime import timedelta

import httpx
import pytest
from fastapi import FastAPI
from fastapi.routing import iter_route_contexts
from msgspec import Struct

from ibgu.api.app import create_base
from ibgu.api.context import Probes
from ibgu.api.http.body_limit import BODY_BYTES
from ibgu.api.http.error_boundary import HEADERS, TLS_HEADERS
from ibgu.api.page.site import site
from ibgu.api.probes import create_probes
from ibgu.hub.client import HubClient
from ibgu.sandbox.hub import SandboxHub
from ibgu.sandbox.users import SYSTEM_NAMESPACE
from tests.api.conftest import app, client, context, engine, hub_client, journal
from tests.security.tokens import account_token

__all__ = ["app", "client", "context", "engine", "hub_client", "journal"]


PREFIX = "/api/v1/"
PAGE = {"/", "/static/{digest}/{path:path}"}
"""The page's own files: the same for everybody, they ask the API as the user does."""
PUBLIC = {"/healthz", "/readyz", "/metrics", "/openapi.json", *PAGE}
"""They need no token, and say nothing about rollouts but their names and counts, in metrics."""
FILTERED = {
    "GET /api/v1/rollouts": "items",
    "GET /api/v1/durations": "items",
    "GET /api/v1/clusters": "items",
}
"""A user who may see nothing gets an empty list under that name."""
OF_NO_ROLLOUT = {"GET /api/v1/whoami": "username", "GET /api/v1/leadership": "words"}
"""A user who may see nothing learns their own name and who leads; a field of each answer."""
SILENT = "GET /api/v1/stream"
"""A user who may see nothing gets no event."""
VALUES = {"namespace": "default", "name": "ran-r1"}
"""Values of parameters in paths; any other gets "a"."""
HOUR = timedelta(hours=1)
POLICY = "Content-Security-Policy"
JSON = {"Content-Type": "application/json"}
"""Without it no change is checked further."""


class Asked(Struct, frozen=True):
    method: str
    template: str

    @property
    def path(self) -> str:
        parts = self.template.split("/")
        given = (VALUES.get(part[1:-1], "a") if part.startswith("{") else part for part in parts)
        return "/".join(given)

    def __str__(self) -> str:
        return f"{self.method} {self.template}"


def routes(app: FastAPI) -> list[Asked]:
    found = []
    for route in iter_route_contexts(app.routes):
        assert route.path is not None, f"{route} is of a kind that this table does not know"
        methods = sorted(set(route.methods or ()) - {"HEAD"})
        found += [Asked(method, route.path) for method in methods]
    return found


@pytest.fixture
def guarded(app: FastAPI) -> list[Asked]:
    found = [asked for asked in routes(app) if asked.template.startswith(PREFIX)]
    assert len(found) > 5
    return found


def test_only_listed_routes_need_no_token(app: FastAPI) -> None:
    paths = {asked.template for asked in routes(app) if not asked.template.startswith(PREFIX)}
    assert paths == PUBLIC


@pytest.fixture
async def account(sandbox_hub: SandboxHub) -> AsyncIterator[str]:
    """uid of a ServiceAccount `reader` that may read nothing yet."""
    hub = sandbox_hub
    path = f"/api/v1/namespaces/{SYSTEM_NAMESPACE}/serviceaccounts"
    body = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "reader"}}
    async with await HubClient.with_token(hub.url, hub.token("admin"), str(hub.ca_file)) as admin:
        answer = await admin.request("POST", path, body=body)
        yield str(json.loads(answer)["metadata"]["uid"])
        await admin.request("DELETE", f"{path}/reader")


async def test_every_route_refuses_who_has_no_valid_token(
    client: httpx.AsyncClient, guarded: list[Asked], sandbox_hub: SandboxHub, account: str
) -> None:
    """The tokens that are too old or of a deleted account are the hub's own, rightly signed."""
    hub = sandbox_hub
    old = account_token(hub, "reader", account, age=2 * HOUR, life=HOUR)
    deleted = account_token(hub, "reader", "another-uid", age=timedelta(0), life=HOUR)
    early = account_token(hub, "reader", account, age=-HOUR, life=HOUR)
    right = hub.token("alice")
    headers = [
        None,
        "",
        "Bearer",
        "Bearer ",
        f"Basic {right}",
        f"bearer{right}",
        "Bearer wrong",
        f"Bearer {right}x",
        f"Bearer {right[:-1]}",
        f"Bearer {old}",
        f"Bearer {deleted}",
        f"Bearer {early}",
    ]
    for asked in guarded:
        for header in headers:
            given = JSON | ({"Authorization": header} if header is not None else {})
            answer = await client.request(asked.method, asked.path, headers=given)
            assert answer.status_code == 401, f"{asked} with {header!r}: {answer.text}"
            assert answer.headers["WWW-Authenticate"].startswith("Bearer")
            assert answer.json()["type"].endswith("/unauthenticated")


async def test_a_token_of_the_same_make_that_is_valid_is_accepted(
    client: httpx.AsyncClient, sandbox_hub: SandboxHub, account: str
) -> None:
    """The tokens above would otherwise be refused for another reason than the one they are for."""
    token = account_token(sandbox_hub, "reader", account, age=timedelta(0), life=HOUR)
    answer = await client.get("/api/v1/rollouts", headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 200


async def test_every_route_refuses_who_may_not(
    client: httpx.AsyncClient, guarded: list[Asked], sandbox_hub: SandboxHub
) -> None:
    headers = JSON | {"Authorization": f"Bearer {sandbox_hub.token('carol')}"}
    for asked in guarded:
        answer = await client.request(asked.method, asked.path, headers=headers)
        if str(asked) in FILTERED:
            assert (answer.status_code, answer.json()[FILTERED[str(asked)]]) == (200, [])
        elif field := OF_NO_ROLLOUT.get(str(asked)):
            assert (answer.status_code, field in answer.json()) == (200, True)
        elif str(asked) == SILENT:
            assert (answer.status_code, "data:" in answer.text) == (200, False)
        else:
            assert answer.status_code == 403, f"{asked}: {answer.text}"
            assert answer.json()["detail"].startswith("carol may not ")


async def test_every_answer_has_strict_headers(
    client: httpx.AsyncClient, app: FastAPI, sandbox_hub: SandboxHub
) -> None:
    for user in ("alice", "carol", None):
        token = {"Authorization": f"Bearer {sandbox_hub.token(user)}"} if user else {}
        for asked in routes(app):
            answer = await client.request(asked.method, asked.path, headers=token)
            strict = HEADERS | ({POLICY: site().policy} if asked.template == "/" else {})
            assert {name: answer.headers[name] for name in HEADERS} == strict, str(asked)
            assert "Server" not in answer.headers
            assert "Strict-Transport-Security" not in answer.headers


@pytest.fixture
async def probes() -> AsyncIterator[httpx.AsyncClient]:
    """Yields a client of what answers without hub and journal, asked over TLS."""
    transport = httpx.ASGITransport(app=create_probes(Probes(_nothing)))
    async with httpx.AsyncClient(transport=transport, base_url="https://ibgu") as client:
        yield client


async def _nothing() -> str | None:
    return None


async def test_over_tls_it_stays_with_tls(probes: httpx.AsyncClient) -> None:
    for path in ("/healthz", "/nowhere"):
        answer = await probes.get(path)
        assert {name: answer.headers[name] for name in TLS_HEADERS} == TLS_HEADERS


async def test_a_long_body_is_refused_before_it_is_read(probes: httpx.AsyncClient) -> None:
    answer = await probes.request("GET", "/healthz", content=b"x" * (BODY_BYTES + 1))
    assert answer.status_code == 413
    assert answer.json()["type"].endswith("/too-long")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert (await probes.request("GET", "/healthz", content=b"x" * BODY_BYTES)).text == "ok"


async def test_a_body_of_unknown_length_is_read_so_far_and_no_further() -> None:
    app = create_base(Probes(_nothing), behind_proxy=False)

    @app.post("/echo")
    async def echo(body: dict[str, str]) -> int:
        return len(body)

    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        while True:
            sent += 1024
            yield b'{"a": "' if sent == 1024 else b"x" * 1024

    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://ibgu") as client:
        answer = await client.post("/echo", content=endless(), headers=JSON)
        assert (await client.post("/echo", json={"a": "b"})).text == "1"
    assert answer.status_code == 413
    assert sent <= BODY_BYTES + 2048

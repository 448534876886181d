"""Nobody asks so often that others wait."""

import json
from collections.abc import AsyncIterator
from contextlib import nullcontext
from datetime import timedelta

import pytest
from httpx import ASGITransport, AsyncClient
from msgspec.structs import replace

from ibgu.api.app import create_app
from ibgu.api.context import Context
from ibgu.api.http import rates
from ibgu.api.http.concurrency import ConcurrencyLimit
from ibgu.api.http.rates import Rates, UnknownTokens
from ibgu.hub.client import HubClient
from ibgu.sandbox.hub import SandboxHub
from ibgu.sandbox.users import SYSTEM_NAMESPACE
from tests.security.tokens import account_token


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_a_burst_then_one_by_one(clock: Clock) -> None:
    asked = Rates(10, 3, clock)
    assert [asked.take("alice") for _ in range(3)] == [0.0, 0.0, 0.0]
    wait = asked.take("alice")
    assert wait == pytest.approx(0.1)
    clock.now += wait
    assert asked.take("alice") == 0.0
    assert asked.take("alice") == pytest.approx(0.1)


def test_refused_requests_are_not_counted(clock: Clock) -> None:
    asked = Rates(10, 1, clock)
    asked.take("alice")
    assert [asked.take("alice") for _ in range(5)] == [pytest.approx(0.1)] * 5


def test_a_pause_gives_the_burst_back_and_no_more(clock: Clock) -> None:
    asked = Rates(10, 3, clock)
    for _ in range(3):
        asked.take("alice")
    clock.now += 3600
    assert [asked.take("alice") > 0 for _ in range(5)] == [False, False, False, True, True]


def test_users_do_not_count_for_each_other(clock: Clock) -> None:
    asked = Rates(10, 1, clock)
    asked.take("alice")
    assert asked.take("bob") == 0.0


def test_the_least_recent_user_is_forgotten(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rates, "USERS", 2)
    asked = Rates(0.001, 1, clock)
    for user in ("alice", "bob", "carol"):
        asked.take(user)
    assert asked.take("alice") == 0.0
    assert asked.take("carol") > 0.0


def test_one_peer_tries_at_most_half_of_the_unknown_tokens(clock: Clock) -> None:
    tokens = UnknownTokens(2, clock)
    assert [tokens.take("10.0.0.1") > 0 for _ in range(6)] == [False] * 5 + [True]
    assert [tokens.take("10.0.0.2") > 0 for _ in range(6)] == [False] * 5 + [True]
    assert tokens.take("10.0.0.3") > 0
    clock.now += 0.5
    assert [tokens.take("10.0.0.3") > 0 for _ in range(2)] == [False, True]


async def test_a_problem_says_when_to_come_again(context: Context, sandbox_hub: SandboxHub) -> None:
    app = create_app(replace(context, rates=Rates(0.01, 1)))
    transport = ASGITransport(app=app)
    headers = {"Authorization": f"Bearer {sandbox_hub.token('alice')}"}
    async with AsyncClient(transport=transport, base_url="http://api", headers=headers) as client:
        first = await client.get("/api/v1/rollouts")
        second = await client.get("/api/v1/durations")
        alive = await client.get("/healthz")
    assert (first.status_code, second.status_code, alive.status_code) == (200, 429, 200)
    assert second.headers["content-type"] == "application/problem+json"
    assert 1 <= int(second.headers["retry-after"]) <= 100
    assert "more than 0.01 requests a second" in second.json()["detail"]


@pytest.fixture
async def accounts(sandbox_hub: SandboxHub) -> AsyncIterator[list[str]]:
    """Yields the tokens of two service accounts of one namespace."""
    hub, path = sandbox_hub, f"/api/v1/namespaces/{SYSTEM_NAMESPACE}/serviceaccounts"
    tokens = []
    async with await HubClient.with_token(hub.url, hub.token("admin"), str(hub.ca_file)) as admin:
        for name in ("first", "second"):
            body = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name}}
            uid = json.loads(await admin.request("POST", path, body=body))["metadata"]["uid"]
            tokens.append(account_token(hub, name, uid, age=timedelta(0), life=timedelta(hours=1)))
        yield tokens
        for name in ("first", "second"):
            await admin.request("DELETE", f"{path}/{name}")


async def test_another_service_account_has_no_limits_of_its_own(
    context: Context, accounts: list[str]
) -> None:
    """With eight of them a tenant had all bodies of the process, and nobody could pause."""
    group = f"system:serviceaccounts:{SYSTEM_NAMESPACE}"
    found = []
    for few in (
        {"rates": Rates(0.01, 1)},
        {"bodies": ConcurrencyLimit("bodies", 9, 1, retry_seconds=1)},
    ):
        limited = replace(context, **few)
        transport = ASGITransport(app=create_app(limited))
        held = limited.bodies.held(group) if "bodies" in few else nullcontext()
        async with AsyncClient(transport=transport, base_url="http://api") as client:
            with held:
                for token in accounts:
                    headers = {"Authorization": f"Bearer {token}"}
                    found.append(await client.post("/api/v1/preview", headers=headers, json={}))
    assert [each.status_code for each in found] == [403, 429, 429, 429]
    assert group in found[1].json()["detail"]
    assert group in found[2].json()["detail"]

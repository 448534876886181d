"""Users see what their rights on the hub allow."""

import httpx
import pytest
import structlog
from msgspec.structs import replace
from structlog.testing import LogCapture

from ibgu.api.app import create_app
from ibgu.api.context import Context
from ibgu.db import Journal
from ibgu.sandbox.hub import SandboxHub
from tests.api.conftest import Ask
from tests.api.fleet import fleet, rollout, seen

PROBLEM = "application/problem+json"


@pytest.fixture
async def two_namespaces(journal: Journal) -> None:
    await seen(journal, rollout("r1"), rollout("r2", namespace="edge"))


@pytest.mark.parametrize("header", [None, "Bearer", "Bearer ", "Basic YTpi"])
async def test_without_a_token_nothing_is_said(
    client: httpx.AsyncClient, header: str | None
) -> None:
    headers = {"Authorization": header} if header is not None else {}
    answer = await client.get("/api/v1/rollouts", headers=headers)
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="ibgu"'
    assert answer.headers["Content-Type"] == PROBLEM
    assert answer.json()["type"] == "tag:ibgu.dev,2026:problem/unauthenticated"


async def test_a_wrong_token_is_answered_with_401(client: httpx.AsyncClient) -> None:
    answer = await client.get("/api/v1/rollouts", headers={"Authorization": "Bearer wrong"})
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="ibgu", error="invalid_token"'
    assert "wrong, expired or revoked" in answer.json()["detail"]


@pytest.mark.parametrize("header", [None, "Basic b2xnYTo="])
@pytest.mark.usefixtures("two_namespaces")
async def test_a_proxys_token_counts_where_a_setting_says_that_one_is_in_front(
    context: Context, sandbox_hub: SandboxHub, header: str | None
) -> None:
    """Such a token is reviewed like any other; oauth-proxy sends a user without a password, too."""
    given = {"Authorization": header} if header is not None else {}
    bob = given | {"X-Forwarded-Access-Token": sandbox_hub.token("bob")}
    alice = bob | {"Authorization": f"Bearer {sandbox_hub.token('alice')}"}
    wrong = given | {"X-Forwarded-Access-Token": "wrong", "X-Forwarded-User": "alice"}

    async def who(behind_proxy: bool, headers: dict[str, str]) -> str | None:
        app = create_app(replace(context, behind_proxy=behind_proxy))
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://ibgu") as client:
            answer = await client.get("/api/v1/whoami", headers=headers)
        return answer.json()["username"] if answer.status_code == 200 else None

    assert [await who(True, each) for each in (bob, alice, wrong)] == ["bob", "alice", None]
    assert [await who(False, each) for each in (bob, alice, wrong)] == [None, "alice", None]


@pytest.mark.parametrize(
    ("user", "names"), [("alice", ["ran-r2", "ran-r1"]), ("bob", ["ran-r1"]), ("carol", [])]
)
@pytest.mark.usefixtures("two_namespaces")
async def test_lists_show_what_the_caller_may_see(ask: Ask, user: str, names: list[str]) -> None:
    answer = await ask(user, "rollouts")
    assert answer.status_code == 200
    assert [each["name"] for each in answer.json()["items"]] == names


@pytest.mark.usefixtures("two_namespaces")
async def test_a_namespace_that_is_named_must_be_readable(ask: Ask) -> None:
    assert (await ask("bob", "rollouts", namespace="default")).status_code == 200
    answer = await ask("bob", "rollouts", namespace="edge")
    assert answer.status_code == 403
    body = answer.json()
    assert body["detail"].startswith(
        "bob may not get imagebasedgroupupgrades.lcm.openshift.io in namespace edge"
    )
    assert (body["verb"], body["resource"], body["namespace"]) == (
        "get",
        "imagebasedgroupupgrades",
        "edge",
    )


@pytest.mark.parametrize(
    "part", ["", "/steps", "/members", "/events", "/failures", "/preflight", "/newer"]
)
@pytest.mark.usefixtures("two_namespaces")
async def test_one_rollout_needs_its_namespace(ask: Ask, part: str) -> None:
    assert (await ask("bob", f"rollouts/default/ran-r1{part}")).status_code == 200
    assert (await ask("bob", f"rollouts/edge/ran-r2{part}")).status_code == 403
    assert (await ask("bob", f"rollouts/edge/is-not-there{part}")).status_code == 403
    assert (await ask("alice", f"rollouts/edge/ran-r2{part}")).status_code == 200


@pytest.mark.parametrize("part", ["history", "events"])
async def test_a_clusters_past_needs_the_cluster(ask: Ask, journal: Journal, part: str) -> None:
    await fleet(journal)
    assert (await ask("alice", f"clusters/a/{part}")).status_code == 200
    answer = await ask("bob", f"clusters/a/{part}")
    assert answer.status_code == 403
    assert "get managedclusters.cluster.open-cluster-management.io a" in answer.json()["detail"]


async def test_whoami_returns_the_user_and_the_hub(ask: Ask, context: Context) -> None:
    for user in ("alice", "carol"):
        answer = await ask(user, "whoami")
        assert answer.json() == {"username": user, "hub": context.hub}


async def test_a_token_comes_out_nowhere(
    client: httpx.AsyncClient, ask: Ask, sandbox_hub: SandboxHub, journal: Journal
) -> None:
    await fleet(journal)
    log = LogCapture()
    structlog.configure(processors=[log])
    said = []
    try:
        for user in ("alice", "bob", "carol"):
            for path in ("rollouts", "rollouts/edge/x", "clusters/a/history", "rollouts?limit=x"):
                answer = await ask(user, path)
                said.append(f"{answer.text} {answer.headers}")
        sandbox_hub.stop_apiserver()
        headers = {"Authorization": "Bearer secret-of-somebody"}
        answer = await client.get("/api/v1/rollouts", headers=headers)
        said.append(f"{answer.text} {answer.headers}")
    finally:
        sandbox_hub.start_apiserver()
        structlog.reset_defaults()
    assert answer.status_code == 503
    assert answer.headers["Retry-After"]
    assert "could not verify this token" in answer.json()["detail"]
    everything = " ".join(said) + repr(log.entries)
    assert log.entries
    for secret in ("secret-of-somebody", *map(sandbox_hub.token, ("alice", "bob", "carol"))):
        assert secret not in everything

"""Leases of other namespaces on the real API server: whose holder lives?"""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ibgu.hub.client import HubClient, HubError
from ibgu.hub.election import competing_leases
from ibgu.hub.election.competing_leases import CompetingLease, CompetingLeases
from ibgu.hub.paths import MERGE_PATCH, lease, leases
from ibgu.sandbox.hub import SandboxHub
from tests.hub.conftest import ScriptedHub, Until

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def name(unique_name: Callable[[str], str]) -> str:
    return unique_name("lease")


@pytest.fixture
async def admin(sandbox_hub: SandboxHub) -> Any:
    async with await HubClient.connect(str(sandbox_hub.kubeconfig("admin"))) as client:
        yield client


@pytest.fixture
async def looking(admin: HubClient, name: str, monkeypatch: pytest.MonkeyPatch) -> CompetingLeases:
    monkeypatch.setattr(competing_leases, "MARGIN", 0.05)
    return CompetingLeases(admin, "own", name, lambda: NOW)


async def held(
    admin: HubClient, namespace: str, name: str, *, ago: float = 1, holder: str = "pod-1"
) -> None:
    renewed = (NOW - timedelta(seconds=ago)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    body = {
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"holderIdentity": holder, "renewTime": renewed, "leaseDurationSeconds": 1},
    }
    try:
        await admin.request("POST", leases(namespace), body=body)
    except HubError:
        await admin.request("PATCH", lease(namespace, name), body=body, content_type=MERGE_PATCH)


async def test_nobody_holds_one(
    looking: CompetingLeases, admin: HubClient, namespace: str, name: str
) -> None:
    assert await looking.find() is None
    await held(admin, namespace, name, holder="")
    assert await looking.find() is None


async def test_the_lease_of_the_own_namespace_is_no_rival(
    admin: HubClient, namespace: str, name: str
) -> None:
    await held(admin, namespace, name)
    assert await CompetingLeases(admin, namespace, name, lambda: NOW).find() is None


@pytest.mark.parametrize("ago", [0, 100, -100])
async def test_a_recently_renewed_lease_is_a_rival(
    looking: CompetingLeases, admin: HubClient, namespace: str, name: str, ago: float
) -> None:
    """A leader that lost its Lease for a moment comes back."""
    await held(admin, namespace, name, ago=ago)
    found = await looking.find()
    assert found == CompetingLease("pod-1", namespace, name)
    assert found.problem("ibgu-sytem") == (
        f"another ibgu leads this hub: pod-1, by the Lease {name} in namespace {namespace}; "
        "this one is set to namespace ibgu-sytem"
    )


@pytest.mark.parametrize("hours", [5, -5])
async def test_a_lease_of_a_dead_holder_is_waited_for_once(
    looking: CompetingLeases, admin: HubClient, namespace: str, name: str, hours: float
) -> None:
    await held(admin, namespace, name, ago=3600 * hours)
    assert await looking.find() is None
    before = sum(admin.requests.values())
    assert await looking.find() is None
    assert sum(admin.requests.values()) == before + 1


async def test_a_rival_with_a_wrong_clock_is_found(
    looking: CompetingLeases, admin: HubClient, namespace: str, name: str
) -> None:
    await held(admin, namespace, name, ago=3600)
    finding = asyncio.create_task(looking.find())
    while not finding.done():
        await held(admin, namespace, name, ago=3600 - asyncio.get_running_loop().time() % 60)
    assert finding.result() == CompetingLease("pod-1", namespace, name)


async def test_the_charts_account_may_ask_for_this_name_only(sandbox_hub: SandboxHub) -> None:
    async with await HubClient.connect(str(sandbox_hub.kubeconfig("ibgu"))) as client:
        await CompetingLeases(client, "own", "ibgu-controller").find()
        with pytest.raises(HubError, match="403"):
            await CompetingLeases(client, "own", "another").find()
        assert await CompetingLeases(client, "own", "another").first() is None


async def test_the_search_for_rivals_is_retried_until_the_hub_answers(
    hub: ScriptedHub, client: HubClient, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(competing_leases, "RETRY", 0.01)
    first = asyncio.create_task(CompetingLeases(client, "own", "any").first())
    await until(lambda: len(hub.requests) > 2)
    hub.documents[leases()] = {"metadata": {}, "items": []}
    assert await first is None

"""The commands against a hub on which nothing of ibgu's is installed yet."""

from collections.abc import AsyncIterator, Iterator

import pytest

from ibgu.hub.client import HubClient
from ibgu.sandbox.hub import SandboxHub
from tests.api.conftest import app, context, engine, journal
from tests.cli.conftest import Ibgu, ibgu, served, server

__all__ = ["app", "context", "engine", "ibgu", "journal", "served", "server"]


@pytest.fixture(scope="module")
def bare_hub() -> Iterator[SandboxHub]:
    with SandboxHub(filled=False) as hub:
        yield hub


@pytest.fixture
def sandbox_hub(bare_hub: SandboxHub) -> SandboxHub:
    return bare_hub


@pytest.fixture
async def hub_client(bare_hub: SandboxHub) -> AsyncIterator[HubClient]:
    """There are no roles for ibgu's own account yet."""
    async with await HubClient.connect(str(bare_hub.kubeconfig("admin"))) as client:
        yield client


async def test_a_direct_change_fails_where_the_crd_is_not_installed(ibgu: Ibgu) -> None:
    found = await ibgu("pause", "ran-417", "--direct", user="admin")
    assert (found.exit_code, found.stdout) == (1, "")
    assert "their CRD is not installed" in found.stderr


@pytest.mark.parametrize(
    "command", [("get",), ("get", "-A"), ("get", "ran-417"), ("status",), ("status", "ran-417")]
)
async def test_reads_fail_where_the_crd_is_not_installed(
    ibgu: Ibgu, command: tuple[str, ...]
) -> None:
    found = await ibgu(*command, user="admin")
    assert found.exit_code == 1, found.output
    assert found.stdout == ""
    assert "their CRD is not installed" in found.stderr
    assert "kubectl apply -f charts/ibgu/crds/" in found.stderr

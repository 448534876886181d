from collections.abc import AsyncIterator, Callable

import pytest

from ibgu.hub.client import HubClient
from ibgu.sandbox.hub import SandboxHub


@pytest.fixture
async def fleet_client(sandbox_hub: SandboxHub) -> AsyncIterator[HubClient]:
    """The hub as the simulator may use it."""
    token = sandbox_hub.token("fleet")
    async with await HubClient.with_token(
        sandbox_hub.url, token, str(sandbox_hub.ca_file)
    ) as client:
        yield client


@pytest.fixture
async def admin(sandbox_hub: SandboxHub) -> AsyncIterator[HubClient]:
    token = sandbox_hub.token("admin")
    async with await HubClient.with_token(
        sandbox_hub.url, token, str(sandbox_hub.ca_file)
    ) as client:
        yield client


@pytest.fixture
def pattern(unique_name: Callable[[str], str]) -> str:
    """A pattern of cluster names that no other test uses."""
    return unique_name("fleet") + "-%02d"

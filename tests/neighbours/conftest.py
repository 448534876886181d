"""One hub, and the API servers of a few managed clusters, for all tests of this folder."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from ibgu.sandbox.demo.sample import NAMESPACES
from ibgu.sandbox.hub import SandboxHub
from tests.neighbours.scene import RealScene, real_scene
from tests.neighbours.server import ManagedClusterServer, managed_clusters


@pytest.fixture(scope="package")
def servers() -> Iterator[list[ManagedClusterServer]]:
    with managed_clusters(3) as servers:
        yield servers


@pytest.fixture(scope="package")
def sandbox_hub(servers: list[ManagedClusterServer]) -> Iterator[SandboxHub]:
    with SandboxHub(namespaces=NAMESPACES) as hub:
        yield hub


@pytest.fixture
async def scene(
    sandbox_hub: SandboxHub, database_url: str, servers: list[ManagedClusterServer], tmp_path: Path
) -> AsyncIterator[RealScene]:
    async with real_scene(sandbox_hub, database_url, servers, tmp_path) as made:
        yield made

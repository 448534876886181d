"""One scene a test; tests of this folder run one after the other on a hub of their own."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from ibgu.hub.client import HubClient
from ibgu.sandbox.demo.sample import NAMESPACES
from ibgu.sandbox.hub import SandboxHub
from ibgu.sandbox.kubectl import Kubectl
from ibgu.sandbox.waiting import wait_until
from tests.e2e import talm
from tests.e2e.harness import Scene


@pytest.fixture(scope="package")
def sandbox_hub() -> Iterator[SandboxHub]:
    """A controller sees everything on its hub, so what other tests left must not be there."""
    with SandboxHub(namespaces=NAMESPACES) as hub:
        yield hub


@pytest.fixture(scope="package")
def audit_log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The audit log of `talms_hub`."""
    return tmp_path_factory.mktemp("audit") / "audit.log"


@pytest.fixture(scope="package")
def talms_hub(audit_log: Path) -> Iterator[SandboxHub]:
    """A hub with TALM's API."""
    with SandboxHub(audit_log=audit_log, namespaces=NAMESPACES) as hub:
        kubectl = Kubectl(hub)
        talm.install(kubectl)
        wait_until(lambda: talm.published(kubectl), "TALM's API", lambda: None)
        yield hub


@pytest.fixture
async def scene(sandbox_hub: SandboxHub, database_url: str) -> AsyncIterator[Scene]:
    async with scene_on(sandbox_hub, database_url) as made:
        yield made


@asynccontextmanager
async def scene_on(hub: SandboxHub, database_url: str) -> AsyncIterator[Scene]:
    """Empty at its beginning, and at its end."""
    async with await HubClient.with_token(hub.url, hub.token("admin"), str(hub.ca_file)) as admin:
        made = Scene(hub, database_url, admin)
        await made.clear()
        try:
            yield made
        finally:
            await made.close()

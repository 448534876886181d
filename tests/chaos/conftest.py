"""A hub and a Postgres of their own, that may be killed; `--seed` of the whole in `CHAOS_SEED`."""

import os
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from secrets import token_hex

import pytest

from ibgu.hub.client import HubClient
from ibgu.sandbox.databases import drop_database
from ibgu.sandbox.hub import SandboxHub
from ibgu.sandbox.kubectl import Kubectl
from ibgu.sandbox.postgres import EmbeddedPostgres
from ibgu.sandbox.users import SERVICE_ACCOUNT, SYSTEM_NAMESPACE
from tests.chaos.scene import Chaos

SEED = int(os.environ.get("CHAOS_SEED", "1"))


@pytest.fixture(scope="package")
def audit_log() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="ibgu-chaos-") as folder:
        yield Path(folder) / "audit.log"


@pytest.fixture(scope="package")
def sandbox_hub(audit_log: Path) -> Iterator[SandboxHub]:
    with SandboxHub(audit_log=audit_log) as hub:
        Kubectl(hub)("create", "serviceaccount", SERVICE_ACCOUNT, "-n", SYSTEM_NAMESPACE)
        yield hub


@pytest.fixture(scope="package")
def postgres() -> Iterator[EmbeddedPostgres]:
    """A Postgres with its data on disk: what it has confirmed survives its end."""
    with tempfile.TemporaryDirectory(prefix="ibgu-chaos-") as folder:
        Path(folder).chmod(0o755)
        with EmbeddedPostgres(Path(folder) / "data") as server:
            yield server


@pytest.fixture
def database_url(postgres: EmbeddedPostgres) -> Iterator[str]:
    """The URL of a server of our own, also where DATABASE_URL names one: that one is not ours to
    kill."""
    name = f"chaos_{token_hex(4)}"
    yield postgres.create_database(name)
    drop_database(postgres.url, name)


@pytest.fixture
async def chaos(sandbox_hub: SandboxHub, database_url: str, tmp_path: Path) -> AsyncIterator[Chaos]:
    hub = sandbox_hub
    async with await HubClient.with_token(hub.url, hub.token("admin"), str(hub.ca_file)) as admin:
        made = Chaos(hub, database_url, admin, tmp_path, SEED)
        await made.clear()
        try:
            yield made
        finally:
            await made.close()

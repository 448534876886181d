"""A Postgres with a history and a hub beside it: what the API needs, and nothing else."""

import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import httpx
from fastapi import FastAPI
from msgspec import Struct
from sqlalchemy.ext.asyncio import AsyncEngine

from ibgu import db
from ibgu.api.app import create_app
from ibgu.api.context import Context, Probes
from ibgu.api.http.rates import Rates
from ibgu.db.migrate import upgrade
from ibgu.db.revision import current
from ibgu.hub import paths
from ibgu.hub.authorization.access import Access
from ibgu.hub.client import HubClient
from ibgu.hub.decode import ObjectIdentity
from ibgu.sandbox.hub import SandboxHub
from tests.benchmarks.history import History, fill

_UNLIMITED = 10**9


class JournalState(Struct, frozen=True):
    url: str
    engine: AsyncEngine
    app: FastAPI
    client: httpx.AsyncClient
    """Asks the application without a network in between, as someone who may see everything."""


async def hub_uid(hub: SandboxHub) -> str:
    async with await HubClient.connect(str(hub.kubeconfig("ibgu"))) as client:
        return (await client.get(paths.namespace("kube-system"), ObjectIdentity)).metadata.uid


async def prepare(url: str, history: History) -> None:
    """Fills an empty database; one that was filled before is only migrated."""
    empty = await current(url) is None
    await upgrade(url)
    if empty:
        await fill(url, history)


@asynccontextmanager
async def journal_state(url: str, hub: SandboxHub, uid: str) -> AsyncIterator[JournalState]:
    engine = db.engine(url)
    headers = {"Authorization": f"Bearer {hub.token('olga')}"}
    async with await HubClient.connect(str(hub.kubeconfig("ibgu"))) as hub_client:
        app = create_app(
            Context(
                hub=uid,
                engine=engine,
                access=Access(hub_client),
                probes=Probes(_nothing),
                rates=Rates(_UNLIMITED, _UNLIMITED),
            )
        )
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(app=app), base_url="http://ibgu", headers=headers
        ) as client:
            yield JournalState(url, engine, app, client)
    await engine.dispose()


async def _nothing() -> str | None:
    return None


@contextmanager
def kept(folder: str = "") -> Iterator[Path]:
    """A folder for a durable database, on a disk; it goes where no name was given."""
    if folder:
        yield Path(folder)
        return
    with tempfile.TemporaryDirectory(prefix="ibgu-bench-", dir="/var/tmp") as made:
        Path(made).chmod(0o755)  # Postgres is another user where we are root
        yield Path(made) / "data"

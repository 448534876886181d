"""The API on a real Postgres and a real hub, asked without a network in between."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from functools import partial
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy.ext.asyncio import AsyncEngine
from starlette.routing import BaseRoute

from ibgu import db
from ibgu.api.app import create_app
from ibgu.api.context import Context, Probes
from ibgu.api.http.server import bind, serve, with_closing_event
from ibgu.cli.serve.schema import journal_problem
from ibgu.db import Journal
from ibgu.hub import paths
from ibgu.hub.authorization.access import Access
from ibgu.hub.client import HubClient
from ibgu.hub.decode import ObjectIdentity
from ibgu.sandbox.hub import SandboxHub

Ask = Callable[..., Awaitable[httpx.Response]]
_routes: list[BaseRoute] = []
"""Those of the first application, for all: each is built at its first request, which takes a third
of a usual test."""


@pytest.fixture
async def hub_client(sandbox_hub: SandboxHub) -> AsyncIterator[HubClient]:
    async with await HubClient.connect(str(sandbox_hub.kubeconfig("ibgu"))) as client:
        yield client


@pytest.fixture
async def engine(database_url: str) -> AsyncIterator[AsyncEngine]:
    pool = db.engine(database_url)
    yield pool
    await pool.dispose()


@pytest.fixture
async def context(hub_client: HubClient, engine: AsyncEngine, database_url: str) -> Context:
    system = await hub_client.get(paths.namespace("kube-system"), ObjectIdentity)
    probes = Probes(partial(journal_problem, database_url))
    return Context(hub=system.metadata.uid, engine=engine, access=Access(hub_client), probes=probes)


@pytest.fixture
async def journal(context: Context) -> Journal:
    journal = Journal(context.engine, context.hub)
    await journal.lead("test")
    return journal


@pytest.fixture
def app(context: Context) -> FastAPI:
    made = create_app(context)
    _routes[:] = _routes or made.router.routes
    made.router.routes[:] = _routes
    return made


@pytest.fixture
async def server(app: FastAPI) -> AsyncIterator[str]:
    """Yields the server's address."""
    listener = bind("127.0.0.1:0")
    serving = asyncio.create_task(serve(app, listener))
    yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    serving.cancel()
    with suppress(asyncio.CancelledError):
        await serving


@pytest.fixture
async def client(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    ended = asyncio.Event()
    ended.set()
    transport = httpx.ASGITransport(app=with_closing_event(app, ended))
    async with httpx.AsyncClient(transport=transport, base_url="http://ibgu") as client:
        yield client


@pytest.fixture
def ask(client: httpx.AsyncClient, sandbox_hub: SandboxHub) -> Ask:
    """`await ask("alice", "rollouts", limit=2)` is a GET of /api/v1/rollouts as that user."""

    async def ask(user: str, path: str, **query: Any) -> httpx.Response:
        headers = {"Authorization": f"Bearer {sandbox_hub.token(user)}"}
        return await client.get(f"/api/v1/{path}", params=query or None, headers=headers)

    return ask

"""What each process is made of."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import structlog
import typer
from sqlalchemy.ext.asyncio import AsyncEngine

from ibgu import db
from ibgu.api.app import create_app, create_probes
from ibgu.api.context import Context, Probes
from ibgu.api.server import bind, serve
from ibgu.cli.serve import schema
from ibgu.controller.service import Controller, controller
from ibgu.hub import paths
from ibgu.hub.access import Access
from ibgu.hub.client import HubClient
from ibgu.hub.decode import Bare
from ibgu.settings import Settings

log = structlog.get_logger("ibgu")


async def run(settings: Settings, *, migrate: bool) -> None:
    """Controller and API in one."""
    async with (
        _listening(settings) as listener,
        _journal(settings, migrate=migrate) as engine,
        controller(settings, engine) as leading,
        _api(settings, engine, _probes(settings, leading)) as context,
    ):
        await together(leading.run(), serve(create_app(context), listener))


async def run_controller(settings: Settings, *, migrate: bool) -> None:
    async with (
        _listening(settings) as listener,
        _journal(settings, migrate=migrate) as engine,
        controller(settings, engine) as leading,
    ):
        app = create_probes(_probes(settings, leading))
        await together(leading.run(), serve(app, listener))


async def run_api(settings: Settings, *, migrate: bool) -> None:
    async with (
        _listening(settings) as listener,
        _journal(settings, migrate=migrate) as engine,
        _api(settings, engine, _probes(settings)) as context,
    ):
        await serve(create_app(context), listener)


async def run_migrate(settings: Settings) -> None:
    typer.echo(await schema.migrate(settings.database_url))


async def together(*parts: Coroutine[Any, Any, None]) -> None:
    """All of them, until one ends."""
    async with asyncio.TaskGroup() as tasks:
        running = [tasks.create_task(part) for part in parts]
        await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
        for task in running:
            task.cancel()


@asynccontextmanager
async def _listening(settings: Settings) -> AsyncIterator[Any]:
    """First of all, so that a second process on the same address does nothing at all."""
    with bind(settings.listen) as listener:
        host, port = listener.getsockname()[:2]
        log.info("listening", address=f"[{host}]:{port}" if ":" in host else f"{host}:{port}")
        yield listener


@asynccontextmanager
async def _journal(settings: Settings, *, migrate: bool) -> AsyncIterator[AsyncEngine]:
    await schema.prepare(settings.database_url, migrate=migrate)
    engine = db.engine(settings.database_url)
    try:
        yield engine
    finally:
        await engine.dispose()


@asynccontextmanager
async def _api(settings: Settings, engine: AsyncEngine, probes: Probes) -> AsyncIterator[Context]:
    """With a connection of its own: what callers ask must not wait behind the controller."""
    async with await HubClient.connect(settings.kubeconfig) as client:
        system = await client.get(paths.namespace("kube-system"), Bare)
        yield Context(hub=system.metadata.uid, engine=engine, access=Access(client), probes=probes)


def _probes(settings: Settings, leading: Controller | None = None) -> Probes:
    journal = partial(schema.journal_problem, settings.database_url)
    if leading is None:
        return Probes(journal)
    return Probes(journal, leading.problems, leading.measure)

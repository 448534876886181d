"""Assembles each process."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

import structlog
import typer
from sqlalchemy.ext.asyncio import AsyncEngine

from ibgu import db
from ibgu.api.context import Context, InspectionLimits, Probes
from ibgu.api.http.concurrency import streams
from ibgu.api.http.connections import ServerLimits
from ibgu.api.http.rates import Rates, UnknownTokens
from ibgu.api.http.server import bind
from ibgu.api.probes import create_probes
from ibgu.cli.serve import schema
from ibgu.cli.serve.startup_retry import StartupRetry
from ibgu.cli.serve.switchable_app import ProcessApps, SwitchableApp
from ibgu.hub import paths
from ibgu.hub.authorization.access import Access
from ibgu.hub.client import HubClient
from ibgu.hub.decode import ObjectIdentity
from ibgu.hub.discovery import Served
from ibgu.settings import Settings
from ibgu.telemetry import Tally

if TYPE_CHECKING:
    from ibgu.controller.service import Controller

log = structlog.get_logger("ibgu")


async def run(settings: Settings, *, migrate: bool) -> None:
    """Runs controller and API in one process."""
    async with (
        _entrance(settings) as entrance,
        _journal(settings, entrance.front.startup, migrate=migrate) as engine,
        _controller(settings, entrance.front.startup, engine) as leading,
        _api(settings, entrance.front.startup, engine, leading) as context,
        _showing_api(entrance, context),
    ):
        await leading.run()


async def run_controller(settings: Settings, *, migrate: bool) -> None:
    async with (
        _entrance(settings) as entrance,
        _journal(settings, entrance.front.startup, migrate=migrate) as engine,
        _controller(settings, entrance.front.startup, engine) as leading,
        _showing_probes(entrance, _probes(settings, leading)),
    ):
        await leading.run()


async def run_api(settings: Settings, *, migrate: bool) -> None:
    async with (
        _entrance(settings) as entrance,
        _journal(settings, entrance.front.startup, migrate=migrate) as engine,
        _api(settings, entrance.front.startup, engine) as context,
        _showing_api(entrance, context),
    ):
        await entrance.front.served()


async def run_migrate(settings: Settings) -> None:
    typer.echo(await schema.migrate(settings.database_url))


def _showing_api(entrance: ProcessApps, context: Context) -> AbstractAsyncContextManager[None]:
    # A controller alone starts sooner, and needs less memory, without the API.
    from ibgu.api.app import create_app

    return entrance.showing(create_app(context), context.probes)


def _showing_probes(entrance: ProcessApps, probes: Probes) -> AbstractAsyncContextManager[None]:
    return entrance.showing(create_probes(probes), probes)


@asynccontextmanager
async def _entrance(settings: Settings) -> AsyncIterator[ProcessApps]:
    """Opens the entrance first, so that a second process on the same address does nothing at
    all."""
    limits = ServerLimits(connections=settings.api_connections)
    async with _door(settings.listen, limits) as front:
        if not settings.metrics_listen:
            yield ProcessApps(front)
            return
        async with _door(settings.metrics_listen, limits) as metrics:
            yield ProcessApps(front, metrics)


@asynccontextmanager
async def _door(address: str, limits: ServerLimits) -> AsyncIterator[SwitchableApp]:
    with bind(address) as listener:
        host, port = listener.getsockname()[:2]
        log.info("listening", address=f"[{host}]:{port}" if ":" in host else f"{host}:{port}")
        door = SwitchableApp(limits)
        async with door.open(listener):
            yield door


@asynccontextmanager
async def _journal(
    settings: Settings, startup: StartupRetry, *, migrate: bool
) -> AsyncIterator[AsyncEngine]:
    url = settings.database_url
    await startup.until("the journal", partial(schema.prepare, url, migrate=migrate))
    engine = db.engine(url)
    try:
        yield engine
    finally:
        await engine.dispose()


def _controller(
    settings: Settings, startup: StartupRetry, engine: AsyncEngine
) -> "AbstractAsyncContextManager[Controller]":
    # The API needs none of these.
    from ibgu.cli.serve.first import check_hub
    from ibgu.controller.service import controller

    async def patiently(client: HubClient) -> Served:
        return await startup.until("the hub", partial(check_hub, client, settings))

    return controller(settings, engine, discovering=patiently)


@asynccontextmanager
async def _api(
    settings: Settings,
    startup: StartupRetry,
    engine: AsyncEngine,
    leading: "Controller | None" = None,
) -> AsyncIterator[Context]:
    """Yields the API, with a connection of its own: callers' requests must not wait behind the
    controller."""
    async with await HubClient.connect(settings.kubeconfig) as client:
        system = await startup.until(
            "the hub", partial(client.get, paths.namespace("kube-system"), ObjectIdentity)
        )
        probes = _probes(settings, leading, Tally(client))
        rates = Rates(settings.api_rate, settings.api_burst)
        yield Context(
            hub=system.metadata.uid,
            engine=engine,
            access=Access(client),
            probes=probes,
            rates=rates,
            streams=streams(settings.api_streams, settings.api_streams_per_user),
            unknown_tokens=UnknownTokens(settings.api_unknown_tokens),
            starts_per_minute=settings.starts_per_minute,
            upgrade_backups=settings.upgrade_backups,
            tenancy=settings.tenancy != "off",
            inspections=InspectionLimits(
                settings.preflight_inspections,
                timedelta(seconds=settings.preflight_inspection_ttl),
            ),
            behind_proxy=settings.behind_proxy,
            proxies=settings.proxy_networks,
        )


def _probes(
    settings: Settings, leading: "Controller | None" = None, tally: Tally | None = None
) -> Probes:
    """`tally`: of the API's own connection to the hub."""

    def measure() -> None:
        if leading is not None:
            leading.measure()
        if tally is not None:
            tally.count()

    apart = bool(settings.metrics_listen)
    reading = leading is None
    journal = partial(schema.journal_problem, settings.database_url, reading=reading)
    if leading is None:
        return Probes(journal, measure=measure, metrics_apart=apart)
    return Probes(journal, leading.problems, measure, apart)

"""Serves a process from its first moment on: first its probes, then its application."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from msgspec import Struct
from msgspec.structs import replace
from starlette.types import ASGIApp, Receive, Scope, Send

from ibgu.api.context import Probes
from ibgu.api.http.connections import ServerLimits
from ibgu.api.http.server import serve
from ibgu.api.probes import create_probes, create_waiting
from ibgu.cli.serve.startup_retry import StartupRetry


class SwitchableApp:
    """SwitchableApp is an ASGI application that is replaced by another one once there is one.

    Until then it is alive and not ready, and names what `startup` waits for.
    """

    def __init__(self, limits: ServerLimits) -> None:
        self._limits = limits
        self.startup = StartupRetry()
        self._app: ASGIApp = create_waiting(self._problems)
        self._serving: asyncio.Task[None] | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._app(scope, receive, send)

    def _problems(self) -> list[str]:
        return [self.startup.reason or "the process is starting"]

    @asynccontextmanager
    async def open(self, listener: socket.socket) -> AsyncIterator[None]:
        """Serves while the body runs; a server that dies ends the body."""
        async with asyncio.TaskGroup() as tasks:
            self._serving = tasks.create_task(serve(self, listener, limits=self._limits))
            try:
                yield
            finally:
                await self._close()

    @asynccontextmanager
    async def showing(self, app: ASGIApp) -> AsyncIterator[None]:
        """Serves `app` while the body runs, and ends the server while what `app` needs still
        exists."""
        self._app = app
        try:
            yield
        finally:
            await self._close()

    async def served(self) -> None:
        """Returns when the server ends."""
        if self._serving is not None:
            await asyncio.wait({self._serving})

    async def _close(self) -> None:
        if self._serving is None:
            return
        self._serving.cancel()
        await asyncio.wait({self._serving})


class ProcessApps(Struct, frozen=True):
    """ProcessApps holds a process's door, and that of its metrics if they have an address of their
    own."""

    front: SwitchableApp
    metrics: SwitchableApp | None = None

    @asynccontextmanager
    async def showing(self, app: ASGIApp, probes: Probes) -> AsyncIterator[None]:
        async with AsyncExitStack() as shown:
            await shown.enter_async_context(self.front.showing(app))
            if self.metrics is not None:
                apart = create_probes(replace(probes, metrics_apart=False))
                await shown.enter_async_context(self.metrics.showing(apart))
            yield

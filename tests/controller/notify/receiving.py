"""A receiver that is really there: it takes, refuses, hangs, or is away."""

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web
from msgspec import Struct


class Request(Struct, frozen=True):
    headers: Mapping[str, str]
    body: bytes
    path: str
    query: Mapping[str, str]

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Site:
    """Answers as `answers` says, one after the other, then with 200."""

    def __init__(self) -> None:
        self.taken: list[Request] = []
        self.refused: list[Request] = []
        self.answers: list[int | web.Response] = []
        self.hangs = False
        self.port = 0
        self.trust: ssl.SSLContext | None = None
        """What it shows to clients; None: it has no TLS."""
        self.came = asyncio.Event()
        self.on_request: Callable[[Request], Awaitable[None]] | None = None
        self._runner: web.ServerRunner | None = None

    @property
    def url(self) -> str:
        return f"{'https' if self.trust else 'http'}://127.0.0.1:{self.port}"

    async def open(self) -> None:
        """Again on the same port."""
        self._runner = web.ServerRunner(web.Server(self._answer), shutdown_timeout=0.05)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self.port, ssl_context=self.trust)
        await site.start()
        self.port = self._runner.addresses[0][1]

    async def close(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()
        self._runner = None

    async def until(self, ready: Callable[[], bool]) -> None:
        while not ready():
            self.came.clear()
            await self.came.wait()

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        headers, query = dict(request.headers), dict(request.query)
        came = Request(headers, await request.read(), request.path, query)
        if self.on_request is not None:
            await self.on_request(came)
        if self.hangs:
            self.refused.append(came)
            self.came.set()
            await asyncio.Event().wait()
        answer = self.answers.pop(0) if self.answers else 200
        response = answer if isinstance(answer, web.Response) else web.Response(status=answer)
        (self.taken if response.status == 200 else self.refused).append(came)
        self.came.set()
        return response


@asynccontextmanager
async def site() -> AsyncIterator[Site]:
    found = Site()
    await found.open()
    try:
        yield found
    finally:
        await found.close()

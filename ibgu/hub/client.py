"""Provides one connection to a Kubernetes API server: bytes out, typed objects in, one kind of
error."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import datetime
from email.utils import parsedate_to_datetime
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlencode

import aiohttp
import msgspec
from yarl import URL

from ibgu import tracing
from ibgu.hub.connection import config
from ibgu.hub.connection.credentials import Credentials
from ibgu.hub.connection.endpoint import Endpoint
from ibgu.hub.connection.transport import (
    ReadTimeout,
    hang_up,
    keep_alive,
    lines,
    named,
    read_answer,
    session_for,
    timed_out,
)
from ibgu.hub.errors import HubError
from ibgu.hub.paths import VERSION, resource
from ibgu.hub.port import NO_QUERY, Hub

__all__ = ["HubClient", "HubError"]

CONNECT_SECONDS = 10.0

UNLIMITED = aiohttp.ClientTimeout()
"""Every limit is asyncio's: if a task is cancelled at the moment at which the `total` of aiohttp
3.14 runs out, aiohttp raises TimeoutError and the cancellation is lost (its timer is entered twice
and takes two cancellations back). A leader whose writes end with its lease would not end."""

VERBS = {"GET": "get", "POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}


class Request(msgspec.Struct, frozen=True):
    verb: str
    """The Kubernetes verb: get, list, watch, create, update, patch, delete."""
    method: str
    path: str
    query: Mapping[str, str] = NO_QUERY
    data: bytes | None = None
    content_type: str = ""


class HubClient(Hub):
    """HubClient is created by `connect`, `with_token` or `as_caller`, and closed by `close` or
    `async with`."""

    def __init__(self, endpoint: Endpoint, credentials: Credentials) -> None:
        self._endpoint = endpoint
        self._credentials = credentials
        self._session = session_for(endpoint)
        self._base = endpoint.url
        self.requests: Counter[tuple[str, str]] = Counter()
        self.sent: Counter[tuple[str, str]] = Counter()
        self._options: dict[str, Any] = {"allow_redirects": False}
        if endpoint.proxy:
            self._options["proxy"] = endpoint.proxy
        if endpoint.server_name:
            self._options["server_hostname"] = endpoint.server_name

    @classmethod
    async def connect(cls, kubeconfig: str | None = None, *, context: str | None = None) -> Self:
        """Connects by a kubeconfig file; None: KUBECONFIG, the pod's service account,
        ~/.kube/config."""
        return cls(*await config.load(kubeconfig, context))

    @classmethod
    async def with_token(cls, url: str, token: str, ca_file: str | None) -> Self:
        return cls(*config.for_token(url, token, ca_file))

    def as_caller(self, token: str) -> Self:
        """Returns a separate connection to the same hub, with another caller's token and rights."""
        return type(self)(*config.for_caller(self._endpoint, token))

    @property
    def url(self) -> str:
        return self._base

    async def close(self) -> None:
        await self._session.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    async def request(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] = NO_QUERY,
        body: object | bytes | None = None,
        content_type: str = "application/json",
        timeout: float = 30.0,  # noqa: ASYNC109
        verb: str = "",
    ) -> bytes:
        data = body if body is None or isinstance(body, bytes) else msgspec.json.encode(body)
        request = Request(verb or VERBS[method], method, path, query, data, content_type)
        with _span(request) as span, named(method, path):
            async with asyncio.timeout(timeout), await self._send(request) as response:
                span.note(http_response_status__code=response.status)
                return await read_answer(response, method, path)

    async def clock(self) -> datetime:
        """Returns the API server's time, to the second, from a response header. Raises HubError."""
        request = Request("get", "GET", VERSION)
        with named("GET", VERSION):
            async with asyncio.timeout(CONNECT_SECONDS), await self._send(request) as response:
                await read_answer(response, "GET", VERSION)
                return parsedate_to_datetime(response.headers["Date"])

    @asynccontextmanager
    async def stream(
        self,
        path: str,
        *,
        query: Mapping[str, str],
        timeout: float,  # noqa: ASYNC109
        total: float | None = None,
    ) -> AsyncIterator[AsyncIterator[bytes]]:
        until = asyncio.get_running_loop().time() + total if total is not None else None
        limits = aiohttp.ClientTimeout(sock_connect=CONNECT_SECONDS)
        timer, response = asyncio.timeout_at(until), None
        silence = ReadTimeout(timer, timeout)
        try:
            async with timer:
                with named("WATCH", path):
                    response = await self._send(Request("watch", "GET", path, query), limits)
                    if response.status >= 300:
                        await read_answer(response, "WATCH", path)
                keep_alive(response)
                silence.broken()
                yield lines(response.content, path, silence.broken)
        except TimeoutError as error:
            if not timer.expired():
                raise
            raise timed_out("WATCH", path) from error
        finally:
            silence.end()
            if response is not None:
                hang_up(response)

    async def _send(
        self, request: Request, limits: aiohttp.ClientTimeout = UNLIMITED
    ) -> aiohttp.ClientResponse:
        """Returns the response's head; a 401 is retried once if newer credentials may be
        available."""
        query = f"?{urlencode(request.query)}" if request.query else ""
        url = URL(f"{self._base}{request.path}{query}", encoded=True)
        while True:
            response = await self._send_once(request, url, limits)
            if response.status != 401 or not self._credentials.refused():
                return response
            response.close()

    async def _send_once(
        self, request: Request, url: URL, limits: aiohttp.ClientTimeout
    ) -> aiohttp.ClientResponse:
        headers = {"Content-Type": request.content_type} if request.data is not None else {}
        if (authorization := await self._credentials.header()) is not None:
            headers["Authorization"] = authorization
        outcome = "none"
        try:
            response = await self._session.request(
                request.method,
                url,
                data=request.data,
                headers=headers,
                timeout=limits,
                **self._options,
            )
            outcome = f"{response.status // 100}xx"
        finally:
            self.requests[request.verb, outcome] += 1
            if request.data is not None:
                self.sent[request.verb, resource(request.path)] += len(request.data)
        return response


def _span(request: Request) -> tracing.Span:
    """Returns a span named by the path alone: a query or a body may tell more than readers of
    traces should know."""
    return tracing.span(
        f"hub {request.verb}", http_request_method=request.method, url_path=request.path
    )

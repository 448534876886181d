"""Runs the HTTP server: uvicorn inside the caller's task group, under the caller's signals."""

import asyncio
import logging
import os
import socket
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from typing import cast

import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send

from ibgu.api.http.connections import Connection, ConnectionLimit, ServerLimits

SOCKET_BYTES = 64 * 1024
"""Bytes of output that the kernel buffers per connection, plus as much for its own records."""
GRACE_SECONDS = 5
"""Seconds for requests in progress once the server is to end."""


class ListenError(Exception):
    """ListenError: the address can't be listened on; the text says why."""


DEFAULTS = ServerLimits()


class _Server(uvicorn.Server):
    def capture_signals(self) -> AbstractContextManager[None]:  # type: ignore[override]
        return nullcontext()


def bind(listen: str) -> socket.socket:
    """Binds `host:port`, `[v6]:port` or `:port`; port 0 takes a free one. Raises ListenError."""
    host, port = _split(listen)
    try:
        found = socket.getaddrinfo(
            host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
        family, _, _, _, address = found[0]
        listener = socket.create_server(
            address, family=family, backlog=2048, dualstack_ipv6=_dualstack(host, family)
        )
        return _bounded(listener)
    except OSError as error:
        raise ListenError(f"can't listen on {listen}: {_error_text(error)}") from error


def _bounded(listener: socket.socket) -> socket.socket:
    """Bounds the kernel's buffers, which otherwise grow to megabytes for a client that reads
    nothing."""
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SOCKET_BYTES)
    return listener


def _error_text(error: OSError) -> str:
    """Returns the system's message, without asyncio's and the resolver's additions."""
    code = error.errno or 0
    return os.strerror(code) if code > 0 else str(error.strerror or error)


def _dualstack(host: str, family: int) -> bool:
    return not host and family == socket.AF_INET6 and socket.has_dualstack_ipv6()


def _split(listen: str) -> tuple[str, int]:
    host, colon, port = listen.rpartition(":")
    if not colon or not port.isdecimal() or int(port) > 65535:
        raise ListenError(
            f"{listen!r} is not an address to listen on; use one such as 127.0.0.1:8080"
        )
    return host.removeprefix("[").removesuffix("]"), int(port)


CLOSING = "closing"
"""Key in a request's state: the asyncio.Event that is set once the server is to end."""


async def serve(
    app: ASGIApp, listen: str | socket.socket, *, limits: ServerLimits = DEFAULTS
) -> None:
    """Serves until cancelled, then finishes requests in progress. Raises ListenError.

    Endless answers have to end with the event CLOSING of their request.
    """
    listener = bind(listen) if isinstance(listen, str) else listen
    closing = asyncio.Event()
    server = _Server(_config(with_closing_event(app, closing), ConnectionLimit(limits)))
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        await asyncio.shield(serving)
    finally:
        closing.set()
        server.should_exit = True
        await serving


def with_closing_event(app: ASGIApp, closing: asyncio.Event) -> ASGIApp:
    """Returns the application with CLOSING in the state of every request."""

    async def app_with_closing(scope: Scope, receive: Receive, send: Send) -> None:
        scope.setdefault("state", {})[CLOSING] = closing
        await app(scope, receive, send)

    return app_with_closing


def _config(app: ASGIApp, limit: ConnectionLimit) -> uvicorn.Config:
    logger = logging.getLogger("uvicorn.error")
    # Without any handler Python itself would print uvicorn's messages.
    logger.handlers[:] = [logging.NullHandler()]
    return uvicorn.Config(
        app,
        access_log=False,
        http=cast(type[Connection], partial(Connection, limit)),
        lifespan="off",
        log_config=None,
        proxy_headers=False,
        server_header=False,
        timeout_keep_alive=limit.limits.idle_seconds,
        timeout_graceful_shutdown=GRACE_SECONDS,
        ws="none",
    )

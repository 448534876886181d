"""Adds strict headers to every answer, and answers every error, as the outermost layer."""

import structlog
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ibgu.api.problems import Problem

log = structlog.get_logger("ibgu.api")

HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
"""A route may set one of them itself."""
TLS_HEADERS = {"Strict-Transport-Security": "max-age=31536000"}
"""Sent only if ibgu itself terminates TLS; a proxy that does so may add them."""


class ErrorBoundary:
    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        answer = _Answer(send, tls=scope["scheme"] == "https")
        try:
            await self._app(scope, receive, answer.send)
        except Exception:
            log.exception("request failed", method=scope["method"], path=scope["path"])
            if answer.begun:
                raise
            await _failed(scope["path"])(scope, receive, answer.send)


class _Answer:
    def __init__(self, send: Send, *, tls: bool) -> None:
        self._send = send
        self._headers = HEADERS | (TLS_HEADERS if tls else {})
        self.begun = False

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.begun = True
            headers = MutableHeaders(scope=message)
            for name, value in self._headers.items():
                headers.setdefault(name, value)
        await self._send(message)


def _failed(path: str) -> ASGIApp:
    detail = "ibgu failed to answer because of an internal error; see its log"
    return Problem(500, "internal", detail).response(path)

"""Limits the size of requests to what makes sense."""

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ibgu.api.problems import Problem

BODY_BYTES = 512 * 1024
"""The most bytes of a request's body. The longest useful one names 5,000 clusters in 63 characters
each: 327 KiB, 386 KiB if indented."""


def brings_body(request: Request) -> bool:
    """Returns whether the request announces a body."""
    headers = request.headers
    return headers.get("content-length", "0") != "0" or "transfer-encoding" in headers


class BodyLimit:
    """BodyLimit refuses an announced length that is too long at once, and an unannounced one once
    it has arrived."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and _announced(scope) > BODY_BYTES:
            await _too_long(scope["path"])(scope, receive, send)
            return
        await self._app(scope, _counting(receive), send)


def _announced(scope: Scope) -> int:
    """Returns the announced length; an HTTP server admits only a number as Content-Length."""
    return next((int(v) for name, v in scope["headers"] if name == b"content-length"), 0)


def _counting(receive: Receive) -> Receive:
    came = 0

    async def counted() -> Message:
        nonlocal came
        message = await receive()
        came += len(message.get("body", b""))
        if came > BODY_BYTES:
            raise HTTPException(413)
        return message

    return counted


def _too_long(path: str) -> ASGIApp:
    return Problem(413, "too-long", WORDS).response(path)


WORDS = (
    f"the request's body is longer than {BODY_BYTES // 1024} KiB, which 5000 clusters of the "
    "longest names fit into; name fewer in one request"
)

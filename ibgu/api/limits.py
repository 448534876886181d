"""No request may bring more than one that makes sense."""

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ibgu.api.problems import Problem

BODY_BYTES = 512 * 1024
"""Of any request. The longest that makes sense names 5,000 clusters in 63 characters each: 327 KiB,
386 KiB where it is indented."""


class BodyLimit:
    """A length that is too long is refused at once; one that is not told, when it has come."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and _announced(scope) > BODY_BYTES:
            await _too_long(scope["path"])(scope, receive, send)
            return
        await self._app(scope, _counting(receive), send)


def _announced(scope: Scope) -> int:
    """A server of HTTP lets no other Content-Length through than a number."""
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

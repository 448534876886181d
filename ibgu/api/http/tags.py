"""Spares clients an answer that they have already (ETag, If-None-Match)."""

from hashlib import blake2b

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_JSON = "application/json"
_OF_CONTENT = ("content-length", "content-type")


class ETags:
    """ETags tags single-part JSON answers by their content; a route may set a better tag."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "GET":
            await self._app(scope, receive, send)
            return
        answer = _Answer(Headers(scope=scope).get("if-none-match", ""), send)
        await self._app(scope, receive, answer.send)


class _Answer:
    def __init__(self, known: str, send: Send) -> None:
        self._known = [each.strip().removeprefix("W/") for each in known.split(",")]
        self._send = send
        self._start: Message | None = None

    async def send(self, message: Message) -> None:
        """Sends a message; the head waits for the body."""
        if message["type"] == "http.response.start" and _may_be_tagged(message):
            self._start = message
            return
        start, self._start = self._start, None
        if start is not None:
            if not message.get("more_body", False):
                message = self._tagged(start, message)
            await self._send(start)
        await self._send(message)

    def _tagged(self, start: Message, message: Message) -> Message:
        headers = MutableHeaders(scope=start)
        tag = headers.get("ETag", "").removeprefix("W/") or _tag(message.get("body", b""))
        headers["ETag"] = f"W/{tag}"
        if tag not in self._known and "*" not in self._known:
            return message
        start["status"] = 304
        for name in _OF_CONTENT:
            del headers[name]
        return {"type": "http.response.body", "body": b""}


def _tag(body: bytes) -> str:
    return f'"{blake2b(body, digest_size=12).hexdigest()}"'


def _may_be_tagged(message: Message) -> bool:
    headers = Headers(raw=message["headers"])
    return message["status"] == 200 and headers.get("content-type", "") == _JSON

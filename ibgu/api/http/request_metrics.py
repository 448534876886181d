"""Measures answers, and the time to their heads: a stream's body may take hours."""

import time

from starlette.routing import Match, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ibgu import telemetry

UNKNOWN = "none"
"""The route label of requests that match no route: whatever strangers ask for is one series."""
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"})


class RequestMetrics:
    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        began = time.monotonic()

        async def counted(message: Message) -> None:
            if message["type"] == "http.response.start":
                _count(scope, message["status"], time.monotonic() - began)
            await send(message)

        await self._app(scope, receive, counted if scope["type"] == "http" else send)


class NamedRoute(Route):
    """NamedRoute is known to metrics and traces by its path, whatever application has it: FastAPI's
    router names its own routes only."""

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        match, child = super().matches(scope)
        return match, child if match is Match.NONE else {**child, "route": self}


def _count(scope: Scope, status: int, seconds: float) -> None:
    route = getattr(scope.get("route"), "path", UNKNOWN)
    method = scope["method"] if scope["method"] in METHODS else UNKNOWN
    telemetry.API_REQUESTS.labels(method, route, str(status)).inc()
    telemetry.API_SECONDS.labels(method, route).observe(seconds)

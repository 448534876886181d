"""Traces each request with a span; a stream's body may take hours, and has none."""

from collections.abc import Mapping
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ibgu import tracing

ENDLESS = "/stream"


class RequestTraces:
    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"].endswith(ENDLESS):
            await self._app(scope, receive, send)
            return
        status = 0

        async def noted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        name = f"REST {scope['method']}"
        with tracing.span_of_request(name, _context(scope)) as span:
            await self._app(scope, receive, noted)
            span.note(http_response_status__code=status, **_named(scope))


def _context(scope: Scope) -> Mapping[str, str]:
    """Returns the headers that carry the trace context; no others are read."""
    wanted = (b"traceparent", b"tracestate")
    return {k.decode(): v.decode("latin-1") for k, v in scope["headers"] if k in wanted}


def _named(scope: Scope) -> dict[str, str | None]:
    """Returns the span's names by the route: what strangers ask for is in no span."""
    route = getattr(scope.get("route"), "path", None)
    given: Mapping[str, Any] = scope.get("path_params") or {}
    namespace, name = given.get("namespace"), given.get("name")
    rollout = f"{namespace}/{name}" if namespace and name else None
    return {
        "http_request_method": scope["method"],
        "http_route": route,
        "ibgu_rollout": rollout,
        "ibgu_cluster": name if namespace is None else None,
    }

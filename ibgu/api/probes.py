"""Assembles the ASGI application of a process that serves no API, or not yet: its probes, and a
page with the reason. None of it needs FastAPI."""

from collections.abc import Callable, Sequence

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response

from ibgu.api import page
from ibgu.api.context import Probes
from ibgu.api.http import handlers
from ibgu.api.http.middleware import middleware
from ibgu.api.http.request_metrics import NamedRoute
from ibgu.api.problems import unavailable
from ibgu.api.process import endpoints
from ibgu.api.process.readiness import Readiness

PREFIX = "/api/v1"
METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]


def create_waiting(waits_for: Callable[[], list[str]]) -> Starlette:
    """Returns the application of a process that can't work yet: alive, not ready, with the
    reason."""

    async def not_yet(request: Request) -> Response:
        raise unavailable("not-ready", "; ".join(waits_for()))

    paths = PREFIX + "/{path:path}", "/openapi.json"
    later = [NamedRoute(path, not_yet, methods=METHODS) for path in paths]
    # Nothing changes here, so trusting a proxy that may be in front does no harm.
    return _application(
        Probes(_unknown, waits_for), [*later, *page.ROUTES], behind_proxy=True, elsewhere=""
    )


async def _unknown() -> str | None:
    """Returns None: the journal's problem is what the process waits for."""
    return None


def create_probes(probes: Probes) -> Starlette:
    """Returns the application with `/healthz`, `/readyz` and (unless they are apart) `/metrics`,
    for a process that serves no API."""
    return _application(probes, elsewhere=": this address serves no API")


def _application(
    probes: Probes, more: Sequence[NamedRoute] = (), *, elsewhere: str, behind_proxy: bool = False
) -> Starlette:
    """`elsewhere`: what a 404 says after the path."""
    routes = [
        NamedRoute("/healthz", endpoints.healthz),
        NamedRoute("/readyz", endpoints.readyz),
        *([] if probes.metrics_apart else [NamedRoute("/metrics", endpoints.metrics)]),
        *more,
    ]
    app = Starlette(routes=routes, middleware=middleware(behind_proxy=behind_proxy))
    app.router.redirect_slashes = False
    app.state.probes = probes
    app.state.readiness = Readiness(probes)
    handlers.install(app, elsewhere)
    return app

"""Assembles the ASGI application of a process that serves no API: its probes, and a page with the
reason."""

from collections.abc import Callable
from importlib.metadata import version

from fastapi import FastAPI
from starlette.middleware.gzip import GZipMiddleware

from ibgu.api import openapi, page
from ibgu.api.context import Probes
from ibgu.api.http import handlers
from ibgu.api.http.body_limit import BodyLimit
from ibgu.api.http.error_boundary import ErrorBoundary
from ibgu.api.http.origin import SameOrigin
from ibgu.api.http.request_metrics import RequestMetrics
from ibgu.api.http.tags import ETags
from ibgu.api.http.traced import RequestTraces
from ibgu.api.problems import unavailable
from ibgu.api.process import routes as process
from ibgu.api.process.readiness import Readiness

PREFIX = "/api/v1"
GZIP_BYTES = 1024
"""The size from which answers are compressed; streams never are."""
GZIP_LEVEL = 5
METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]


def create_waiting(waits_for: Callable[[], list[str]]) -> FastAPI:
    """Returns the application of a process that can't work yet: alive, not ready, with the
    reason."""
    # Nothing changes here, so trusting a proxy that may be in front does no harm.
    app = create_probes(Probes(_unknown, waits_for), behind_proxy=True)

    async def not_yet() -> None:
        raise unavailable("not-ready", "; ".join(waits_for()))

    app.add_api_route(PREFIX + "/{path:path}", not_yet, methods=METHODS, include_in_schema=False)
    page.install(app)
    return app


async def _unknown() -> str | None:
    """Returns None: the journal's problem is what the process waits for."""
    return None


def create_probes(probes: Probes, *, behind_proxy: bool = False) -> FastAPI:
    """Returns the application with `/healthz`, `/readyz` and (unless they are apart) `/metrics`,
    for a process that serves no API."""
    app = FastAPI(
        title="ibgu",
        version=version("ibgu"),
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        generate_unique_id_function=lambda route: route.name,
    )
    app.state.probes = probes
    app.state.readiness = Readiness(probes)
    app.add_middleware(BodyLimit)
    app.add_middleware(SameOrigin, behind_proxy=behind_proxy)
    app.add_middleware(ETags)
    app.add_middleware(GZipMiddleware, minimum_size=GZIP_BYTES, compresslevel=GZIP_LEVEL)
    app.add_middleware(ErrorBoundary)
    app.add_middleware(RequestMetrics)
    app.add_middleware(RequestTraces)  # the last one added is the outermost
    app.include_router(process.router)
    if not probes.metrics_apart:
        app.include_router(process.metrics_router)
    handlers.install(app)
    openapi.install(app)
    return app

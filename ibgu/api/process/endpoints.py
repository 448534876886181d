"""Answers `/healthz`, `/readyz` and `/metrics`, in any process: nothing here needs FastAPI, whose
import is a quarter of a controller's start."""

from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, generate_latest
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from ibgu.api.context import Probes
from ibgu.api.problems import unavailable
from ibgu.api.process.readiness import Readiness


async def healthz(request: Request) -> Response:
    return PlainTextResponse("ok")


async def readyz(request: Request) -> Response:
    """503 with the list `problems` while it does not."""
    readiness: Readiness = request.app.state.readiness
    found = await readiness.problems()
    if found:
        raise unavailable("not-ready", "; ".join(found), problems=found)
    return PlainTextResponse("ok")


async def metrics(request: Request) -> Response:
    probes: Probes = request.app.state.probes
    probes.measure()
    return Response(generate_latest(REGISTRY), headers={"Content-Type": CONTENT_TYPE_LATEST})

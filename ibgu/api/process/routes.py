"""Routes for `/healthz`, `/readyz`, `/metrics`: for kubelets and Prometheus, without a token."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import PlainTextResponse
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, generate_latest

from ibgu.api.context import Probes
from ibgu.api.problems import unavailable
from ibgu.api.problems.schemas import problems
from ibgu.api.process.readiness import Readiness

router = APIRouter(tags=["process"])
metrics_router = APIRouter(tags=["process"])


async def _probes(request: Request) -> Probes:
    probes: Probes = request.app.state.probes
    return probes


async def _readiness(request: Request) -> Readiness:
    readiness: Readiness = request.app.state.readiness
    return readiness


@router.get(
    "/healthz", response_class=PlainTextResponse, summary="Check whether the process is alive"
)
async def healthz() -> str:
    return "ok"


@router.get(
    "/readyz",
    response_class=PlainTextResponse,
    responses=problems(503),
    summary="Check whether the process is ready",
)
async def readyz(readiness: Annotated[Readiness, Depends(_readiness)]) -> str:
    """503 with the list `problems` while it does not."""
    found = await readiness.problems()
    if found:
        raise unavailable("not-ready", "; ".join(found), problems=found)
    return "ok"


@metrics_router.get(
    "/metrics", response_class=PlainTextResponse, summary="Get metrics for Prometheus"
)
async def metrics(probes: Annotated[Probes, Depends(_probes)]) -> Response:
    probes.measure()
    return Response(generate_latest(REGISTRY), headers={"Content-Type": CONTENT_TYPE_LATEST})

"""Documents `/healthz`, `/readyz` and `/metrics` of the API: for kubelets and Prometheus, without
a token."""

from fastapi import APIRouter
from fastapi.responses import PlainTextResponse

from ibgu.api.problems.schemas import problems
from ibgu.api.process import endpoints

router = APIRouter(tags=["process"], default_response_class=PlainTextResponse)
metrics_router = APIRouter(tags=["process"], default_response_class=PlainTextResponse)

router.add_api_route("/healthz", endpoints.healthz, summary="Check whether the process is alive")
router.add_api_route(
    "/readyz",
    endpoints.readyz,
    responses=problems(503),
    summary="Check whether the process is ready",
)
metrics_router.add_api_route("/metrics", endpoints.metrics, summary="Get metrics for Prometheus")

"""Builds the OpenAPI document: FastAPI's, with our problem details in place of its validation
errors."""

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from ibgu.api.problems.schemas import ProblemDetails

_REFERENCE = "#/components/schemas/{model}"
DESCRIPTION = """
The state of every rollout, step and cluster, and why each waits.

Send a bearer token of the hub. The hub decides who you are and what you may see: rollouts of a
namespace need `get imagebasedgroupupgrades` there, a cluster's history `get managedclusters`.
"""


def install(app: FastAPI) -> None:
    def document() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _document(app)
        return app.openapi_schema

    app.openapi = document  # type: ignore[method-assign]


def _document(app: FastAPI) -> dict[str, Any]:
    document = get_openapi(
        title=app.title, version=app.version, description=DESCRIPTION, routes=app.routes
    )
    schema = ProblemDetails.model_json_schema(ref_template=_REFERENCE)
    inner = schema.pop("$defs", {})
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    schemas.update(inner, ProblemDetails=schema)
    return document

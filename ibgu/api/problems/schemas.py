"""Declares problem details as OpenAPI shows them."""

from typing import Any

from pydantic import ConfigDict, Field

from ibgu.api.bodies import Body
from ibgu.api.problems import MEDIA_TYPE, type_of


class InputError(Body):
    field: str
    where: str = Field(alias="in", description="`query`, `path` or `body`.")
    message: str


class ProblemDetails(Body):
    """RFC 9457, with members of its own: `errors` with 422; `verb`, `resource`, `namespace` and
    `name` with 403; `problems` with `/readyz`."""

    model_config = ConfigDict(extra="allow")

    type: str = Field(description="Identifies the kind of problem; a name, not an address.")
    title: str
    status: int
    detail: str = Field(description="What happened, to which object, and what to do next.")
    instance: str = Field(description="The path of the request.")
    errors: list[InputError] | None = None


_EXAMPLES: dict[int, tuple[str, str, str, dict[str, Any]]] = {
    401: (
        "No token, or one that the hub does not accept",
        "unauthenticated",
        "a bearer token of the hub is needed, in the header Authorization",
        {},
    ),
    403: (
        "The hub forbids it to this user, or another site's page sent the request",
        "forbidden",
        "bob may not get imagebasedgroupupgrades.lcm.openshift.io in namespace edge; "
        "a Role or ClusterRole that allows it must be bound to that user",
        {"verb": "get", "resource": "imagebasedgroupupgrades", "namespace": "edge"},
    ),
    404: (
        "The object does not exist",
        "not-found",
        "there is no rollout ran-417 in namespace default",
        {},
    ),
    409: (
        (
            "The state does not allow the change, or the object has changed meanwhile; "
            "nothing was done"
        ),
        "not-now",
        "nothing of ran-417 is held",
        {},
    ),
    415: (
        "The body is not declared as JSON",
        "not-json",
        "requests that change something need the header Content-Type: application/json, even "
        "without a body",
        {},
    ),
    422: (
        "Invalid input",
        "invalid",
        "limit: must be at most 500",
        {
            "errors": [
                {
                    "field": "limit",
                    "in": "query",
                    "message": "must be at most 500",
                }
            ]
        },
    ),
    429: (
        "This user sends too many requests; see Retry-After",
        "too-many-requests",
        (
            "bob sends more than 100 requests a second; follow the stream of events "
            "instead of polling"
        ),
        {},
    ),
    503: (
        "The journal or the hub is unavailable, or the process is not ready; see Retry-After",
        "journal-unavailable",
        "the journal's database is away (reading a rollout): connection refused; "
        "ibgu continues automatically when it answers again",
        {},
    ),
}


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Returns the `responses` of a route."""
    return {status: _described(status) for status in statuses}


def _described(status: int) -> dict[str, Any]:
    description, code, detail, members = _EXAMPLES[status]
    example = {"type": type_of(code), "status": status, "detail": detail, **members}
    schema = {"$ref": "#/components/schemas/ProblemDetails"}
    content = {MEDIA_TYPE: {"schema": schema, "example": example}}
    return {"description": description, "content": content}

"""Defines problem details (RFC 9457): the one form of all errors."""

from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Any

from starlette.responses import JSONResponse

MEDIA_TYPE = "application/problem+json"

RETRY_SECONDS = 5
"""The value of `Retry-After` while the journal or the hub is away."""


_TITLES = {422: "Unprocessable Content"}
"""Phrases that differ between versions of Python."""


class Problem(Exception):
    """Problem is an error of the API: `code` tells kinds apart; `members` extend the body."""

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        *,
        headers: Mapping[str, str] | None = None,
        **members: Any,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.detail = detail
        self.headers = dict(headers or {})
        self.members = members

    def response(self, instance: str) -> JSONResponse:
        """Returns the response; `instance` is the path of the request, without its query."""
        body = {
            "type": type_of(self.code),
            "title": _TITLES.get(self.status) or HTTPStatus(self.status).phrase,
            "status": self.status,
            "detail": self.detail,
            "instance": instance,
            **self.members,
        }
        return JSONResponse(body, self.status, self.headers, media_type=MEDIA_TYPE)


def type_of(code: str) -> str:
    return f"tag:ibgu.dev,2026:problem/{code}"


def unauthenticated(detail: str, *, error: str = "") -> Problem:
    """Returns a 401; `error` as in RFC 6750; empty if no token came at all."""
    challenge = 'Bearer realm="ibgu"' + (f', error="{error}"' if error else "")
    return Problem(401, "unauthenticated", detail, headers={"WWW-Authenticate": challenge})


def unavailable(
    code: str, detail: str, *, seconds: float = RETRY_SECONDS, **members: Any
) -> Problem:
    """Returns a 503: something that ibgu needs does not answer; the same request may succeed
    later."""
    return Problem(503, code, detail, headers=_retry(seconds), **members)


def too_many(detail: str, seconds: float) -> Problem:
    """Returns a 429: more than this caller may have now; `seconds` until a retry may succeed."""
    return Problem(429, "too-many-requests", detail, headers=_retry(seconds))


def invalid(field: str, where: str, message: str) -> Problem:
    """Returns a 422 for one input that can't be used; `where` is "query" or "path"."""
    return invalid_inputs(where, [field], message)


def invalid_inputs(where: str, fields: Iterable[str], message: str) -> Problem:
    """Returns the same for several inputs that break one rule."""
    errors = [{"field": field, "in": where, "message": message} for field in fields]
    detail = "; ".join(f"{each['field']}: {each['message']}" for each in errors)
    return Problem(422, "invalid", detail, errors=errors)


def _retry(seconds: float) -> dict[str, str]:
    return {"Retry-After": str(max(1, round(seconds)))}

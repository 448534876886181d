"""Turns exceptions of the routes, and of what is below them, into problem details."""

from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

import structlog
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from sqlalchemy.exc import DBAPIError
from starlette.exceptions import HTTPException

from ibgu.api.http.body_limit import WORDS
from ibgu.api.problems import RETRY_SECONDS, Problem, invalid, unavailable
from ibgu.api.problems.rules import broken
from ibgu.db import JournalUnavailable, SchemaMismatch
from ibgu.db.errors import error_text, sqlstate
from ibgu.db.reads import InvalidCursor
from ibgu.hub.errors import HubError

log = structlog.get_logger("ibgu.api")


def install(app: FastAPI) -> None:
    app.add_exception_handler(Problem, _problem)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(RequestValidationError, _validation)
    app.add_exception_handler(InvalidCursor, _cursor)
    app.add_exception_handler(DBAPIError, _database)
    app.add_exception_handler(JournalUnavailable, _away)
    app.add_exception_handler(SchemaMismatch, _away)
    app.add_exception_handler(HubError, _hub)


async def _problem(request: Request, error: Exception) -> Response:
    assert isinstance(error, Problem)
    return error.response(request.url.path)


async def _http(request: Request, error: Exception) -> Response:
    """Handles what the router itself refuses: an unknown path, an unknown method, an unreadable
    body."""
    assert isinstance(error, HTTPException)
    if error.status_code == HTTPStatus.BAD_REQUEST:
        return invalid("body", "body", "not valid UTF-8 JSON").response(request.url.path)
    code, detail = _ROUTING.get(error.status_code, ("refused", str(error.detail)))
    problem = Problem(
        error.status_code,
        code,
        detail.format(method=request.method, path=request.url.path),
        headers=error.headers,
    )
    return problem.response(request.url.path)


_ROUTING = {
    404: ("no-such-path", "no route {path}; see /openapi.json for all routes"),
    413: ("too-long", WORDS),
    405: ("method-not-allowed", "{path} does not support {method}; see the header Allow"),
}


async def _validation(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    errors = [_field(found) for found in error.errors()]
    detail = "; ".join(f"{found['field']}: {found['message']}" for found in errors)
    return Problem(422, "invalid", detail, errors=errors).response(request.url.path)


def _field(found: Any) -> dict[str, str]:
    location: Sequence[str | int] = found["loc"]
    where, *names = map(str, location)
    return {"field": ".".join(names) or where, "in": where, "message": broken(found)}


async def _cursor(request: Request, error: Exception) -> Response:
    words = str(error).removeprefix("cursor: ")
    return invalid("cursor", "query", words).response(request.url.path)


async def _database(request: Request, error: Exception) -> Response:
    """Handles what Postgres refused, except our own errors: those pass."""
    state = sqlstate(error)
    if state.startswith(_NO_ENTRY):
        words = f"can't use the journal's database: {error_text(error)}"
        return unavailable("journal-unavailable", words).response(request.url.path)
    if state in _UNDEFINED:
        words = "the database lacks tables of this version of ibgu: run `ibgu migrate`"
        return unavailable("schema", words).response(request.url.path)
    if state.startswith(_DATA):
        # A cursor is the only input that reaches Postgres unchecked.
        return invalid("cursor", "query", "not one of this list").response(request.url.path)
    raise error


_NO_ENTRY = ("28", "3D")
"""Login refused; no such database."""
_UNDEFINED = frozenset({"42P01", "42703"})
_DATA = "22"


async def _away(request: Request, error: Exception) -> Response:
    log.warning("journal", error=str(error))
    return unavailable("journal-unavailable", str(error)).response(request.url.path)


async def _hub(request: Request, error: Exception) -> Response:
    assert isinstance(error, HubError)
    log.warning("hub", error=str(error))
    detail = (
        f"the hub could not check your token or your rights ({error.status or ''} "
        f"{error.reason}".rstrip()
        + "); try again"
    )
    return unavailable(
        "hub-unavailable", detail, seconds=error.retry_after or RETRY_SECONDS
    ).response(request.url.path)

"""Turns exceptions of the routes, and of what is below them, into problem details."""

from collections.abc import Mapping
from functools import partial
from http import HTTPStatus

import structlog
from sqlalchemy.exc import DBAPIError
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from ibgu.api.http.body_limit import WORDS
from ibgu.api.problems import RETRY_SECONDS, Problem, invalid, unavailable
from ibgu.db import JournalUnavailable, SchemaMismatch
from ibgu.db.errors import error_text, sqlstate
from ibgu.db.reads import InvalidCursor
from ibgu.hub.errors import HubError

log = structlog.get_logger("ibgu.api")


def install(app: Starlette, elsewhere: str) -> None:
    """`elsewhere`: what a 404 says after the path, on where to look instead."""
    app.add_exception_handler(Problem, _problem)
    app.add_exception_handler(HTTPException, partial(_http, elsewhere))
    app.add_exception_handler(InvalidCursor, _cursor)
    app.add_exception_handler(DBAPIError, _database)
    app.add_exception_handler(JournalUnavailable, _away)
    app.add_exception_handler(SchemaMismatch, _away)
    app.add_exception_handler(HubError, _hub)


async def _problem(request: Request, error: Exception) -> Response:
    assert isinstance(error, Problem)
    return error.response(request.url.path)


async def _http(elsewhere: str, request: Request, error: Exception) -> Response:
    """Handles what the router itself refuses: an unknown path, an unknown method, an unreadable
    body."""
    assert isinstance(error, HTTPException)
    if error.status_code == HTTPStatus.BAD_REQUEST:
        return invalid("body", "body", "not valid UTF-8 JSON").response(request.url.path)
    code, detail = _ROUTING.get(error.status_code, ("refused", str(error.detail)))
    problem = Problem(
        error.status_code,
        code,
        detail.format(method=request.method, path=request.url.path, elsewhere=elsewhere),
        headers=_with_head(error.headers),
    )
    return problem.response(request.url.path)


def _with_head(headers: Mapping[str, str] | None) -> Mapping[str, str] | None:
    """Returns the headers with HEAD in Allow, where GET is."""
    methods = (headers or {}).get("Allow", "").split(", ")
    if headers is None or "GET" not in methods or "HEAD" in methods:
        return headers
    return {**headers, "Allow": ", ".join([*methods, "HEAD"])}


_ROUTING = {
    404: ("no-such-path", "no route {path}{elsewhere}"),
    413: ("too-long", WORDS),
    405: ("method-not-allowed", "{path} does not support {method}; see the header Allow"),
}


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

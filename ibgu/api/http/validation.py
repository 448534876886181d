"""Turns FastAPI's validation errors into problem details."""

from collections.abc import Sequence
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError

from ibgu.api.problems import Problem
from ibgu.api.problems.rules import broken

_SHOWN = 20
"""The most errors that an answer has: a request of 40 KB can have thousands."""


def install(app: FastAPI) -> None:
    app.add_exception_handler(RequestValidationError, _validation)


async def _validation(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    found = error.errors()
    errors = [_field(each) for each in found[:_SHOWN]]
    detail = "; ".join(f"{each['field']}: {each['message']}" for each in errors)
    if len(found) > _SHOWN:
        detail += f"; and {len(found) - _SHOWN} more"
    return Problem(422, "invalid", detail, errors=errors).response(request.url.path)


def _field(found: Any) -> dict[str, str]:
    location: Sequence[str | int] = found["loc"]
    where, *names = map(str, location)
    if found["type"] == "json_invalid":
        names = []  # The place in the text is no field.
    return {"field": ".".join(names) or where, "in": where, "message": broken(found)}

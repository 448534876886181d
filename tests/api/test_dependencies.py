"""Nothing that a request depends on runs in a thread, where FastAPI calls plain functions."""

import inspect
from collections.abc import Iterator
from typing import Any

from fastapi import FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute


def dependants(found: Dependant) -> Iterator[Dependant]:
    for each in found.dependencies:
        yield each
        yield from dependants(each)


def routes(among: Any) -> Iterator[APIRoute]:
    for each in among:
        if isinstance(each, APIRoute):
            yield each
        else:
            yield from routes(getattr(getattr(each, "original_router", None), "routes", ()))


def in_the_loop(call: Any) -> bool:
    function = call if inspect.isroutine(call) or isinstance(call, type) else type(call).__call__
    return inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function)


def test_no_route_and_no_function_that_it_depends_on_runs_in_a_thread(app: FastAPI) -> None:
    found = [*routes(app.routes)]
    assert len(found) > 40
    calls = {each.call for route in found for each in dependants(route.dependant)}
    assert len(calls) > 10
    assert not {each for each in calls if not in_the_loop(each)}
    endpoints = {route.endpoint for route in found}
    assert not {each for each in endpoints if not in_the_loop(each)}

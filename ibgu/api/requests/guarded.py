"""Guards routes that need a token: who asks, how often, and with which query parameters is checked
before a body is read."""

from collections.abc import Callable, Collection, Coroutine, Iterator
from contextlib import nullcontext
from math import ceil
from typing import Any

from fastapi import Request, Response
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute

from ibgu.api.context import Context
from ibgu.api.http.body_limit import brings_body
from ibgu.api.problems import invalid_inputs, too_many
from ibgu.api.requests.access import Caller, authenticate

Handler = Callable[[Request], Coroutine[Any, Any, Response]]


class AuthenticatedRoute(APIRoute):
    """AuthenticatedRoute checks the caller in the route: FastAPI reads the body before it solves
    dependencies. It refuses query parameters that the route does not declare: a mistyped `dryRun`
    would make the change."""

    def get_route_handler(self) -> Handler:
        handler = super().get_route_handler()
        declared = frozenset(_query_parameters(self.dependant))

        async def guarded(request: Request) -> Response:
            caller = await authenticate(request)
            context: Context = request.app.state.context
            _limit(context, caller)
            _require_declared(request, declared)
            request.state.caller = caller
            user = caller.user.counted_as
            body = context.bodies.held(user) if brings_body(request) else nullcontext()
            with context.in_progress.counted(), body:
                return await handler(request)

        return guarded


def _limit(context: Context, caller: Caller) -> None:
    user, rates = caller.user.counted_as, context.rates
    if wait := rates.take(user):
        raise too_many(
            f"{user} sends more than {rates.rate:g} requests a second; follow the stream of "
            "events instead of asking again and again",
            ceil(wait),
        )


def _query_parameters(of: Dependant) -> Iterator[str]:
    """Yields the names that the route and its dependencies declare."""
    for each in of.query_params:
        yield each.alias
    for dependency in of.dependencies:
        yield from _query_parameters(dependency)


def _require_declared(request: Request, declared: Collection[str]) -> None:
    unknown = [name for name in request.query_params if name not in declared]
    if unknown:
        raise invalid_inputs("query", unknown, _unknown(declared))


def _unknown(declared: Collection[str]) -> str:
    known = f"the parameters are {', '.join(sorted(declared))}" if declared else "it has none"
    return f"is not a query parameter of this request; {known}"

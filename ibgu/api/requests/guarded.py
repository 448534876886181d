"""Guards routes that need a token: who asks, and how often, is checked before a body is read."""

from collections.abc import Callable, Coroutine
from contextlib import nullcontext
from math import ceil
from typing import Any

from fastapi import Request, Response
from fastapi.routing import APIRoute

from ibgu.api.context import Context
from ibgu.api.problems import too_many
from ibgu.api.requests.access import Caller, authenticate

Handler = Callable[[Request], Coroutine[Any, Any, Response]]


class AuthenticatedRoute(APIRoute):
    """AuthenticatedRoute checks the caller in the route: FastAPI reads the body before it solves
    dependencies."""

    def get_route_handler(self) -> Handler:
        handler = super().get_route_handler()

        async def guarded(request: Request) -> Response:
            caller = await authenticate(request)
            context: Context = request.app.state.context
            _limit(context, caller)
            request.state.caller = caller
            user = caller.user.username
            body = context.bodies.held(user) if _brings_body(request) else nullcontext()
            with context.in_progress.counted(), body:
                return await handler(request)

        return guarded


def _brings_body(request: Request) -> bool:
    headers = request.headers
    return headers.get("content-length", "0") != "0" or "transfer-encoding" in headers


def _limit(context: Context, caller: Caller) -> None:
    user, rates = caller.user.username, context.rates
    if wait := rates.take(user):
        raise too_many(
            f"{user} sends more than {rates.rate:g} requests a second; follow the stream of "
            "events instead of asking again and again",
            ceil(wait),
        )

"""Requests that come too often."""

from math import ceil

from fastapi import Depends, Request

from ibgu.api.access import CallerOfRequest
from ibgu.api.context import Context
from ibgu.api.problems import Problem


async def _limited(request: Request, caller: CallerOfRequest) -> None:
    context: Context = request.app.state.context
    user, rates = caller.user.username, context.rates
    if wait := rates.take(user):
        raise Problem(
            429,
            "too-many-requests",
            f"{user} asks more often than {rates.rate:g} times a second; follow the stream of "
            "events instead of asking again and again",
            headers={"Retry-After": str(ceil(wait))},
        )


LIMITED = Depends(_limited)
"""For the routers of all that needs a token."""

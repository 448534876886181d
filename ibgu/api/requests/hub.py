"""Reaches the hub with the caller's own token."""

from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import Depends, Request, Security
from fastapi.security import HTTPAuthorizationCredentials

from ibgu.api.context import Context
from ibgu.api.http.concurrency import FleetLists, TurnLimit
from ibgu.api.requests.access import CallerOfRequest, bearer
from ibgu.hub.port import Hub


async def _hub_of_caller(
    request: Request,
    caller: CallerOfRequest,
    credentials: Annotated[HTTPAuthorizationCredentials, Security(bearer)],
) -> AsyncIterator[Hub]:
    """Yields the hub with the caller's own token, so that the hub's rights and audit apply; it is
    not kept."""
    context: Context = request.app.state.context
    async with context.access.hub_of(credentials.credentials) as hub:
        yield hub


HubOfCaller = Annotated[Hub, Depends(_hub_of_caller)]


async def _fleet_lists(request: Request) -> FleetLists:
    context: Context = request.app.state.context
    return context.fleet_lists


async def _preflights(request: Request) -> TurnLimit:
    context: Context = request.app.state.context
    return context.preflights


FleetListsOfProcess = Annotated[FleetLists, Depends(_fleet_lists)]
PreflightsOfProcess = Annotated[TurnLimit, Depends(_preflights)]

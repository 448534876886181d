"""Routes for who asks, and which hub answers."""

from fastapi import APIRouter, Request

from ibgu.api.context import Context
from ibgu.api.problems.schemas import problems
from ibgu.api.requests.access import CallerOfRequest
from ibgu.api.requests.guarded import AuthenticatedRoute
from ibgu.api.whoami.schemas import WhoamiBody

router = APIRouter(tags=["whoami"], route_class=AuthenticatedRoute)


@router.get(
    "/whoami",
    responses=problems(401, 503),
    summary="Get the caller's user name, and the hub",
)
async def whoami(request: Request, caller: CallerOfRequest) -> WhoamiBody:
    """Anyone whose token the hub accepts may ask."""
    context: Context = request.app.state.context
    return WhoamiBody(username=caller.user.username, hub=context.hub)

"""Routes for who leads the hub."""

from fastapi import APIRouter

from ibgu.api.leadership.mapping import leadership_body
from ibgu.api.leadership.schemas import LeadershipBody
from ibgu.api.problems.schemas import problems
from ibgu.api.requests.access import CallerOfRequest
from ibgu.api.requests.guarded import AuthenticatedRoute
from ibgu.api.requests.inputs import ReadsOfRequest

router = APIRouter(tags=["leadership"], route_class=AuthenticatedRoute)


@router.get(
    "/leadership",
    responses=problems(401, 503),
    summary="Get the leading controller, and how often it has changed",
)
async def leadership(_: CallerOfRequest, reads: ReadsOfRequest) -> LeadershipBody:
    """Anyone whose token the hub accepts may ask."""
    return leadership_body(await reads.leadership())

"""Routes for who leads the hub."""

from fastapi import APIRouter

from ibgu.api.access import CallerOfRequest
from ibgu.api.mapping.leadership import leadership_body
from ibgu.api.routes.guarded import Guarded
from ibgu.api.routes.inputs import ReadsOfRequest
from ibgu.api.schemas.leadership import LeadershipBody
from ibgu.api.schemas.problem import problems

router = APIRouter(tags=["leadership"], route_class=Guarded)


@router.get(
    "/leadership",
    responses=problems(401, 503),
    summary="Which controller leads, since when, and how often that has changed",
)
async def leadership(_: CallerOfRequest, reads: ReadsOfRequest) -> LeadershipBody:
    """For everybody whose token the hub accepts."""
    return leadership_body(await reads.leadership())

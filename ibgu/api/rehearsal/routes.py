"""The route for how a plan is likely to go."""

from fastapi import APIRouter, Depends, Request

from ibgu.api.http.leaving import unless_left
from ibgu.api.problems.schemas import problems
from ibgu.api.rehearsal.rehearsals import RehearsalsOfRequest
from ibgu.api.rehearsal.schemas import RehearsalBody, RehearsalSubjectBody
from ibgu.api.requests.access import CallerOfRequest
from ibgu.api.requests.guarded import AuthenticatedRoute

router = APIRouter(tags=["changes"], route_class=AuthenticatedRoute)


async def _may_list(caller: CallerOfRequest) -> None:
    await caller.require_clusters()


@router.post(
    "/rehearsal",
    name="rehearsal",
    dependencies=[Depends(_may_list)],
    responses=problems(401, 403, 404, 409, 415, 422, 503),
    summary="Rehearse a plan in virtual time, without changing anything",
)
async def rehearsal(
    request: Request, rehearsals: RehearsalsOfRequest, body: RehearsalSubjectBody
) -> RehearsalBody:
    """Rights are those of a preview. What the caller may not read of policies is left out, with a
    warning. The answer takes up to a minute; a client that leaves ends the work."""
    return await unless_left(request, rehearsals.rehearse(body))

"""Routes for what was done to a rollout, and what became of it."""

from fastapi import APIRouter

from ibgu.api.activity.mapping import entry_body
from ibgu.api.activity.schemas import ActivityEntryBody
from ibgu.api.bodies import PageBody
from ibgu.api.problems.schemas import problems
from ibgu.api.requests.guarded import AuthenticatedRoute
from ibgu.api.requests.inputs import PAGE, Cursor, Limit, ReadsOfRequest, RolloutOfPath

router = APIRouter(route_class=AuthenticatedRoute)


@router.get(
    "/rollouts/{namespace}/{name}/activity",
    tags=["rollouts"],
    responses=problems(401, 403, 404, 422, 503),
    summary="The changes of a rollout: by whom, from where, and with what result, newest first",
)
async def activity(
    row: RolloutOfPath, reads: ReadsOfRequest, limit: Limit = PAGE, cursor: Cursor = None
) -> PageBody[ActivityEntryBody]:
    """The events of the rollout and of its steps, without those of its clusters."""
    found = await reads.activity(row.rollout.uid, limit=limit, cursor=cursor)
    return PageBody(items=[entry_body(each) for each in found.items], next_cursor=found.next)

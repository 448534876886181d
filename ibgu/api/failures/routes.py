"""Routes for failures, grouped by what happened."""

from fastapi import APIRouter

from ibgu.api.failures.mapping import failures_body
from ibgu.api.failures.schemas import FailuresBody
from ibgu.api.problems.schemas import problems
from ibgu.api.requests.guarded import AuthenticatedRoute
from ibgu.api.requests.inputs import ReadsOfRequest, RolloutOfPath, StepOfRollout, index

router = APIRouter(route_class=AuthenticatedRoute)


@router.get(
    "/rollouts/{namespace}/{name}/failures",
    tags=["rollouts"],
    responses=problems(401, 403, 404, 422, 503),
    summary="List failed and cancelled members, grouped by cause",
)
async def failures(
    row: RolloutOfPath, reads: ReadsOfRequest, step: StepOfRollout = None
) -> FailuresBody:
    rollout = row.rollout
    failed = await reads.failed(rollout.uid, index(step))
    return failures_body(failed, rollout.namespace, rollout.name)

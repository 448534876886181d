"""Routes for one step as a whole, for a page that asks often."""

from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Query, Response

from ibgu.api.durations.measured import DurationsOfHub
from ibgu.api.problems.schemas import problems
from ibgu.api.requests.guarded import AuthenticatedRoute
from ibgu.api.requests.inputs import Label, ReadsOfRequest, RolloutOfPath, StepOfRollout
from ibgu.api.step import schemas
from ibgu.api.step.mapping import grid, no_grid, timeline
from ibgu.core.model import RolloutState
from ibgu.db.views import RolloutAndStep

router = APIRouter(
    prefix="/rollouts/{namespace}/{name}", tags=["rollouts"], route_class=AuthenticatedRoute
)

Points = Annotated[int, Query(ge=2, le=1000, description="Maximum number of points.")]


@router.get(
    "/grid",
    name="grid",
    response_model=schemas.GridBody,
    responses=problems(401, 403, 404, 422, 503),
    summary="Get all members of a step, in columns",
)
async def grid_of_step(
    found: RolloutOfPath,
    reads: ReadsOfRequest,
    duration_stats: DurationsOfHub,
    label: Label = None,
    step: StepOfRollout = None,
) -> Response:
    """The newest step, if none is named."""
    number = _number(found, step)
    if number is None:
        return _json(no_grid(await reads.last_seq()))
    row = await reads.grid(found.rollout.uid, number - 1, label)
    followed = found.rollout.state is not RolloutState.DELETED
    return _json(grid(number, row, found.hold, duration_stats, followed=followed))


@router.get(
    "/timeline",
    name="timeline",
    response_model=schemas.TimelineBody,
    responses=problems(401, 403, 404, 422, 503),
    summary="Get the progress of a step, as points for a chart",
)
async def timeline_of_step(
    found: RolloutOfPath,
    reads: ReadsOfRequest,
    label: Label = None,
    step: StepOfRollout = None,
    points: Points = 200,
) -> Response:
    """The newest step, if none is named."""
    number = _number(found, step)
    intervals = points - 1
    if number is None:
        return _json(timeline(None, intervals))
    row = await reads.course(found.rollout.uid, number - 1, intervals, label)
    return _json(timeline(row, intervals))


def _number(found: RolloutAndStep, step: int | None) -> int | None:
    if step is None:
        return found.newest.index + 1 if found.newest else None
    return step


def _json(body: Any) -> Response:
    return Response(msgspec.json.encode(body), media_type="application/json")

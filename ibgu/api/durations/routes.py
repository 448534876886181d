"""Routes for how long actions took."""

from typing import Annotated

from fastapi import APIRouter, Query

from ibgu.api.bodies import KnownAction
from ibgu.api.durations.schemas import DurationBody, DurationsBody
from ibgu.api.problems.schemas import problems
from ibgu.api.requests.guarded import AuthenticatedRoute
from ibgu.api.requests.inputs import Label, ReadsOfRequest
from ibgu.api.requests.visible import Visible
from ibgu.core.drivers import every_action

router = APIRouter(tags=["rollouts"], route_class=AuthenticatedRoute)

OfAction = Annotated[KnownAction | None, Query(description="Only of this action.")]


@router.get(
    "/durations",
    responses=problems(401, 403, 422, 503),
    summary="Get the durations of actions, by result",
)
async def durations(
    visible: Visible, reads: ReadsOfRequest, action: OfAction = None, label: Label = None
) -> DurationsBody:
    """All rollouts of the namespaces that the caller may read count."""
    order = every_action()
    asked = order if action is None else [action]
    rows = await reads.durations(actions=asked, namespaces=visible, label=label)
    ordered = sorted(rows, key=lambda row: (order.index(row.action), -row.count, row.result))
    return DurationsBody(
        items=[DurationBody.model_validate(row, from_attributes=True) for row in ordered]
    )

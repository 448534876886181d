"""Routes for how long actions took."""

from typing import Annotated

from fastapi import APIRouter, Query

from ibgu.api.durations.schemas import DurationBody, DurationsBody
from ibgu.api.problems.schemas import problems
from ibgu.api.requests.guarded import Guarded
from ibgu.api.requests.inputs import Label, ReadsOfRequest
from ibgu.api.requests.visible import Visible
from ibgu.core.model import Action

router = APIRouter(tags=["rollouts"], route_class=Guarded)

OfAction = Annotated[Action | None, Query(description="Only of this action.")]
_ORDER = list(Action)


@router.get(
    "/durations",
    responses=problems(401, 403, 422, 503),
    summary="How long actions took, by their result",
)
async def durations(
    visible: Visible, reads: ReadsOfRequest, action: OfAction = None, label: Label = None
) -> DurationsBody:
    """All rollouts of the namespaces that the caller may read count."""
    asked = _ORDER if action is None else [action]
    rows = await reads.durations(actions=asked, namespaces=visible, label=label)
    ordered = sorted(rows, key=lambda row: (_ORDER.index(row.action), -row.count, row.result))
    return DurationsBody(
        items=[DurationBody.model_validate(row, from_attributes=True) for row in ordered]
    )

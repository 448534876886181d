"""Routes for all that is under way."""

from fastapi import APIRouter

from ibgu.api.durations import PacesOfHub
from ibgu.api.mapping.summary import summary_body
from ibgu.api.routes.guarded import Guarded
from ibgu.api.routes.inputs import ReadsOfRequest
from ibgu.api.routes.visible import Visible
from ibgu.api.schemas.problem import problems
from ibgu.api.schemas.summary import SummaryBody

router = APIRouter(tags=["rollouts"], route_class=Guarded)


@router.get(
    "/summary",
    responses=problems(401, 403, 422, 503),
    summary="All that is under way in numbers, and what needs a person",
)
async def summary(
    visible: Visible, reads: ReadsOfRequest, duration_stats: PacesOfHub
) -> SummaryBody:
    """Of the namespaces in which the caller may `get imagebasedgroupupgrades`."""
    return summary_body(await reads.overview(visible), duration_stats)

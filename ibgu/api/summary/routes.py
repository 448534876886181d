"""Routes for all that is under way."""

from fastapi import APIRouter

from ibgu.api.durations.measured import DurationsOfHub
from ibgu.api.problems.schemas import problems
from ibgu.api.requests.guarded import Guarded
from ibgu.api.requests.inputs import ReadsOfRequest
from ibgu.api.requests.visible import Visible
from ibgu.api.summary.mapping import summary_body
from ibgu.api.summary.schemas import SummaryBody

router = APIRouter(tags=["rollouts"], route_class=Guarded)


@router.get(
    "/summary",
    responses=problems(401, 403, 422, 503),
    summary="All that is under way in numbers, and what needs a person",
)
async def summary(
    visible: Visible, reads: ReadsOfRequest, duration_stats: DurationsOfHub
) -> SummaryBody:
    """Rollouts of the namespaces in which the caller may `get imagebasedgroupupgrades` count."""
    return summary_body(await reads.overview(visible), duration_stats)

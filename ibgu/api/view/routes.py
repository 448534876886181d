"""Routes for one rollout as a screen shows it: everything as of one moment."""

import asyncio
from enum import StrEnum
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response

from ibgu.api.durations.measured import DurationsOfHub
from ibgu.api.problems.schemas import problems
from ibgu.api.requests.guarded import AuthenticatedRoute
from ibgu.api.requests.inputs import Label, ReadsOfRequest, RolloutOfPath, StepOfRollout, index
from ibgu.api.step.routes import Points
from ibgu.api.view.mapping import RenderedView, shown
from ibgu.api.view.schemas import ViewBody
from ibgu.db.reads.tallies import is_shared
from ibgu.flowcontrol.ttl import TtlCache

router = APIRouter(
    prefix="/rollouts/{namespace}/{name}", tags=["rollouts"], route_class=AuthenticatedRoute
)

FRESH_SECONDS = 1.0
KEPT = 8
"""The most views that are cached; one of 5,000 clusters takes a megabyte."""
_Key = tuple[str, int | None, int, str, str]


class StepChoice(StrEnum):
    STEP = "step"
    ALL = "all"


Failures = Annotated[StepChoice, Query(description="Failures of the step, or of all steps.")]


class Views:
    """Views caches views of large running steps, built once a second for all who look at the same
    one."""

    def __init__(self) -> None:
        self._cache: TtlCache[_Key, RenderedView] | None = None

    @property
    def cache(self) -> TtlCache[_Key, RenderedView]:
        if self._cache is None:
            self._cache = TtlCache(FRESH_SECONDS, asyncio.get_running_loop().time, capacity=KEPT)
        return self._cache


async def _views(request: Request) -> Views:
    views: Views = request.app.state.views
    return views


@router.get(
    "/view",
    response_model=ViewBody,
    responses=problems(401, 403, 404, 422, 503),
    summary="Get all that a page shows of a rollout, at one moment",
)
async def view(
    found: RolloutOfPath,
    reads: ReadsOfRequest,
    duration_stats: DurationsOfHub,
    views: Annotated[Views, Depends(_views)],
    label: Label = None,
    step: StepOfRollout = None,
    points: Points = 120,
    failures: Failures = StepChoice.STEP,
) -> Response:
    """The newest step is there as a whole, if none is named. Where `seq` is lower than that of an
    event that you know of, ask again: of large steps it may be a second old."""
    uid = found.rollout.uid

    async def made() -> RenderedView:
        everything = failures is StepChoice.ALL
        row = await reads.view(uid, index(step), points - 1, label, all_failures=everything)
        return shown(row, duration_stats, points - 1)

    if found.newest is not None and is_shared(found.newest):
        answer = await views.cache.get((uid, step, points, repr(label), failures), made)
    else:
        answer = await made()
    headers = {"ETag": f"W/{answer.tag}"}
    return Response(answer.body, media_type="application/json", headers=headers)

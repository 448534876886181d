"""Routes for what happened: a rollout's events and failures, a cluster's history and events."""

from typing import Annotated

from fastapi import APIRouter, Query

from ibgu.api.access import CallerOfRequest
from ibgu.api.durations import PacesOfHub
from ibgu.api.mapping.activity import entry_body
from ibgu.api.mapping.events import event_body, event_for
from ibgu.api.mapping.failures import failures_body
from ibgu.api.mapping.members import visit_body
from ibgu.api.routes.guarded import Guarded
from ibgu.api.routes.inputs import (
    PAGE,
    ClusterName,
    Cursor,
    Limit,
    ReadsOfRequest,
    RolloutOfPath,
    StepNumber,
    index,
)
from ibgu.api.routes.visible import ReadableForCaller
from ibgu.api.schemas.activity import ActivityBody
from ibgu.api.schemas.base import PageBody
from ibgu.api.schemas.events import EventBody
from ibgu.api.schemas.failures import FailuresBody
from ibgu.api.schemas.members import VisitBody
from ibgu.api.schemas.problem import problems

router = APIRouter(route_class=Guarded)
_LAST = 2**63 - 1
After = Annotated[int, Query(ge=0, le=_LAST, description="Only events with a higher number.")]


@router.get(
    "/rollouts/{namespace}/{name}/events",
    tags=["rollouts"],
    responses=problems(401, 403, 404, 422, 503),
    summary="The history of a rollout, oldest first",
)
async def events(
    row: RolloutOfPath,
    reads: ReadsOfRequest,
    after: After = 0,
    limit: Limit = PAGE,
    cursor: Cursor = None,
) -> PageBody[EventBody]:
    """To follow it, ask again with the last `seq` as `after`."""
    found = await reads.events(row.rollout.uid, after=after, limit=limit, cursor=cursor)
    return PageBody(items=[event_body(each) for each in found.items], next_cursor=found.next)


@router.get(
    "/rollouts/{namespace}/{name}/activity",
    tags=["rollouts"],
    responses=problems(401, 403, 404, 422, 503),
    summary="The changes of a rollout: by whom, from where, and with what result, newest first",
)
async def activity(row: RolloutOfPath, reads: ReadsOfRequest, limit: Limit = PAGE) -> ActivityBody:
    """The events of the rollout and of its steps, without those of its clusters."""
    found = await reads.activity(row.rollout.uid, limit)
    return ActivityBody(items=[entry_body(each) for each in found])


@router.get(
    "/rollouts/{namespace}/{name}/failures",
    tags=["rollouts"],
    responses=problems(401, 403, 404, 422, 503),
    summary="Failed and cancelled members, grouped by what happened",
)
async def failures(
    row: RolloutOfPath, reads: ReadsOfRequest, step: StepNumber = None
) -> FailuresBody:
    return failures_body(await reads.failed(row.rollout.uid, index(step)))


@router.get(
    "/clusters/{name}/history",
    tags=["clusters"],
    responses=problems(401, 403, 422, 503),
    summary="The steps that a cluster was in, newest first",
)
async def cluster_history(
    name: ClusterName,
    caller: CallerOfRequest,
    reads: ReadsOfRequest,
    duration_stats: PacesOfHub,
    readable: ReadableForCaller,
    limit: Limit = PAGE,
    cursor: Cursor = None,
) -> PageBody[VisitBody]:
    """Over all rollouts of the hub, for who may `get managedclusters` of that name. Those of
    namespaces that the caller may not read have no name there."""
    await caller.require_cluster(name)
    found = await reads.visits(name, limit=limit, cursor=cursor)
    items = [visit_body(each, duration_stats, readable) for each in found.items]
    return PageBody(items=items, next_cursor=found.next)


@router.get(
    "/clusters/{name}/events",
    tags=["clusters"],
    responses=problems(401, 403, 422, 503),
    summary="What happened to a cluster, newest first",
)
async def cluster_events(
    name: ClusterName,
    caller: CallerOfRequest,
    reads: ReadsOfRequest,
    readable: ReadableForCaller,
    limit: Limit = PAGE,
    cursor: Cursor = None,
) -> PageBody[EventBody]:
    """Over all rollouts of the hub, for who may `get managedclusters` of that name. Those of
    namespaces that the caller may not read name no rollout."""
    await caller.require_cluster(name)
    found = await reads.cluster_events(name, limit=limit, cursor=cursor)
    namespaces = await reads.namespaces_of({each.rollout for each in found.items})
    items = [
        event_body(event_for(each, namespaces.get(each.rollout), readable)) for each in found.items
    ]
    return PageBody(items=items, next_cursor=found.next)

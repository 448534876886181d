"""Routes for the events of a rollout, and of a cluster."""

from typing import Annotated

from fastapi import APIRouter, Query

from ibgu.api.bodies import PageBody
from ibgu.api.events.mapping import event_body, event_for
from ibgu.api.events.schemas import EventBody
from ibgu.api.problems.schemas import problems
from ibgu.api.requests.access import CallerOfRequest
from ibgu.api.requests.guarded import AuthenticatedRoute
from ibgu.api.requests.inputs import (
    PAGE,
    ClusterName,
    Cursor,
    Limit,
    ReadsOfRequest,
    RolloutOfPath,
    unknown_cluster,
)
from ibgu.api.requests.visible import ReadableForCaller

router = APIRouter(route_class=AuthenticatedRoute)
_LAST = 2**63 - 1
After = Annotated[int, Query(ge=0, le=_LAST, description="Only events with a higher number.")]


@router.get(
    "/rollouts/{namespace}/{name}/events",
    tags=["rollouts"],
    responses=problems(401, 403, 404, 422, 503),
    summary="List the events of a rollout, oldest first",
)
async def events(
    row: RolloutOfPath,
    reads: ReadsOfRequest,
    after: After = 0,
    limit: Limit = PAGE,
    cursor: Cursor = None,
) -> PageBody[EventBody]:
    """A caller follows the rollout by asking again with the last `seq` as `after`."""
    found = await reads.events(row.rollout.uid, after=after, limit=limit, cursor=cursor)
    return PageBody(items=[event_body(each) for each in found.items], next_cursor=found.next)


@router.get(
    "/clusters/{name}/events",
    tags=["clusters"],
    responses=problems(401, 403, 404, 422, 503),
    summary="List the events of a cluster, newest first",
)
async def cluster_events(
    name: ClusterName,
    caller: CallerOfRequest,
    reads: ReadsOfRequest,
    readable: ReadableForCaller,
    limit: Limit = PAGE,
    cursor: Cursor = None,
) -> PageBody[EventBody]:
    """All rollouts of the hub count; it takes the right to `get managedclusters` of that name.
    Those of namespaces that the caller may not read name no rollout."""
    await caller.require_cluster(name)
    found = await reads.cluster_events(name, limit=limit, cursor=cursor)
    if not found.items and not (await reads.visits(name, limit=1)).items:
        raise unknown_cluster(name)
    namespaces = await reads.namespaces_of({each.rollout for each in found.items})
    items = [
        event_body(event_for(each, namespaces.get(each.rollout), readable)) for each in found.items
    ]
    return PageBody(items=items, next_cursor=found.next)

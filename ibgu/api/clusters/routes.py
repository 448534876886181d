"""Routes for clusters by name: the state of each, over all rollouts."""

from fastapi import APIRouter

from ibgu.api.bodies import PageBody
from ibgu.api.clusters.mapping import cluster_body
from ibgu.api.clusters.schemas import ClusterBody
from ibgu.api.durations.measured import DurationsOfHub
from ibgu.api.members.mapping import visit_body
from ibgu.api.members.schemas import VisitsBody
from ibgu.api.problems.schemas import problems
from ibgu.api.requests.access import CallerOfRequest
from ibgu.api.requests.guarded import AuthenticatedRoute
from ibgu.api.requests.inputs import (
    PAGE,
    ClusterName,
    ClusterPrefix,
    Cursor,
    InNamespace,
    InRollout,
    Label,
    Limit,
    ReadsOfRequest,
    uid_of,
    unknown_cluster,
)
from ibgu.api.requests.visible import ReadableForCaller, Visible

router = APIRouter(prefix="/clusters", tags=["clusters"], route_class=AuthenticatedRoute)


@router.get("", responses=problems(401, 403, 404, 422, 503), summary="List the names of clusters")
async def clusters(
    caller: CallerOfRequest,
    visible: Visible,
    reads: ReadsOfRequest,
    label: Label = None,
    prefix: ClusterPrefix = "",
    namespace: InNamespace = None,
    rollout: InRollout = None,
    limit: Limit = PAGE,
    cursor: Cursor = None,
) -> PageBody[str]:
    """Clusters that were in a rollout which the caller may read."""
    uid = await uid_of(caller, reads, namespace, rollout)
    found = await reads.clusters(
        prefix=prefix, label=label, rollout=uid, namespaces=visible, limit=limit, cursor=cursor
    )
    return PageBody(items=list(found.items), next_cursor=found.next)


@router.get(
    "/{name}",
    responses=problems(401, 403, 404, 422, 503),
    summary="Get a cluster as the journal knows it",
)
async def cluster(
    name: ClusterName,
    caller: CallerOfRequest,
    reads: ReadsOfRequest,
    duration_stats: DurationsOfHub,
    readable: ReadableForCaller,
) -> ClusterBody:
    """A user needs the right to `get managedclusters` of that name. Rollouts of namespaces that the
    caller may not read have no name there."""
    await caller.require_cluster(name)
    visits = await reads.visits(name)
    if not visits.items:
        raise unknown_cluster(name)
    return cluster_body(name, await reads.cluster(name), visits, duration_stats, readable)


@router.get(
    "/{name}/history",
    responses=problems(401, 403, 404, 422, 503),
    summary="List the steps that a cluster was in, newest first",
)
async def cluster_history(
    name: ClusterName,
    caller: CallerOfRequest,
    reads: ReadsOfRequest,
    duration_stats: DurationsOfHub,
    readable: ReadableForCaller,
    limit: Limit = PAGE,
    cursor: Cursor = None,
) -> VisitsBody:
    """All rollouts of the hub count; it takes the right to `get managedclusters` of that name.
    Those of namespaces that the caller may not read have no name there."""
    await caller.require_cluster(name)
    found = await reads.visits(name, limit=limit, cursor=cursor)
    if not found.items and cursor is None:
        raise unknown_cluster(name)
    items = [visit_body(each, duration_stats, readable) for each in found.items]
    return VisitsBody(items=items, next_cursor=found.next, newest_event=found.newest_event)

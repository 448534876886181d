"""Routes for clusters by name: the state of each, over all rollouts."""

from typing import Annotated

import msgspec
from fastapi import APIRouter, Query, Response

from ibgu.api.access import Caller, CallerOfRequest
from ibgu.api.durations import PacesOfHub
from ibgu.api.mapping.clusters import cluster_body
from ibgu.api.mapping.explain import explained
from ibgu.api.problems import invalid
from ibgu.api.routes.guarded import Guarded
from ibgu.api.routes.inputs import (
    LONGEST,
    PAGE,
    ClusterName,
    ClusterPrefix,
    Cursor,
    InNamespace,
    Label,
    Limit,
    ReadsOfRequest,
    not_found,
    unknown_cluster,
)
from ibgu.api.routes.visible import ReadableForCaller, Visible
from ibgu.api.rules import NAME
from ibgu.api.schemas.base import PageBody
from ibgu.api.schemas.clusters import ClusterBody
from ibgu.api.schemas.explain import ExplainedBody
from ibgu.api.schemas.problem import problems
from ibgu.core.model.claims import CLAIMS
from ibgu.db.reads import Reads
from ibgu.db.views import VisitRow

router = APIRouter(prefix="/clusters", tags=["clusters"], route_class=Guarded)

TOLD = 20
"""The most steps of a cluster, newest first, in an explanation."""
InRollout = Annotated[
    str | None,
    Query(pattern=NAME, max_length=LONGEST, description="In this rollout, not in its newest one."),
]


@router.get(
    "", responses=problems(401, 403, 404, 422, 503), summary="Names of clusters, in their order"
)
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
    """Those that were in a rollout which the caller may read."""
    uid = await _uid(caller, reads, namespace, rollout)
    found = await reads.clusters(
        prefix=prefix, label=label, rollout=uid, namespaces=visible, limit=limit, cursor=cursor
    )
    return PageBody(items=list(found.items), next_cursor=found.next)


@router.get(
    "/{name}",
    responses=problems(401, 403, 404, 422, 503),
    summary="A cluster as the journal knows it",
)
async def cluster(
    name: ClusterName,
    caller: CallerOfRequest,
    reads: ReadsOfRequest,
    duration_stats: PacesOfHub,
    readable: ReadableForCaller,
) -> ClusterBody:
    """For who may `get managedclusters` of that name. Rollouts of namespaces that the caller may
    not read have no name there."""
    await caller.require_cluster(name)
    visits = (await reads.visits(name, limit=1)).items
    if not visits:
        raise unknown_cluster(name)
    return cluster_body(name, await reads.cluster(name), visits[0], duration_stats, readable)


@router.get(
    "/{name}/explain",
    response_model=ExplainedBody,
    responses=problems(401, 403, 404, 422, 503),
    summary="Why a cluster is not further, what it means, what to do",
)
async def explain(
    name: ClusterName,
    caller: CallerOfRequest,
    reads: ReadsOfRequest,
    duration_stats: PacesOfHub,
    readable: ReadableForCaller,
    namespace: InNamespace = None,
    rollout: InRollout = None,
) -> Response:
    """In the rollout that is named, for who may read it; else in the cluster's newest one, for
    who may `get managedclusters` of that name."""
    uid = await _uid(caller, reads, namespace, rollout)
    if uid is None:
        await caller.require_cluster(name)
    visits = (await reads.visits(name, rollout=uid, limit=TOLD)).items
    if not visits:
        raise unknown_cluster(name, rollout)
    claims = (await reads.cluster(name)).claims if _is_claimed(visits[0]) else ()
    found = explained(visits, claims, duration_stats, readable)
    return Response(msgspec.json.encode(found), media_type="application/json")


def _is_claimed(visit: VisitRow) -> bool:
    """Returns whether the member waits for another rollout that has the cluster."""
    member = visit.member.member
    return not member.finished and member.reason.kind in CLAIMS


async def _uid(
    caller: Caller, reads: Reads, namespace: str | None, rollout: str | None
) -> str | None:
    if rollout is None:
        return None
    if namespace is None:
        raise invalid("namespace", "query", "say in which namespace the rollout is")
    await caller.require_rollouts(namespace)
    found = await reads.find(namespace, rollout)
    if found is None:
        raise not_found(namespace, rollout)
    return found.rollout.uid

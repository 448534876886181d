"""Routes for why one cluster has not finished."""

import msgspec
from fastapi import APIRouter, Response

from ibgu.api.durations.measured import DurationsOfHub
from ibgu.api.explain.evidence import EvidenceOfRequest
from ibgu.api.explain.mapping import explained
from ibgu.api.explain.schemas import ExplainedBody
from ibgu.api.problems.schemas import problems
from ibgu.api.requests.access import CallerOfRequest
from ibgu.api.requests.guarded import AuthenticatedRoute
from ibgu.api.requests.inputs import (
    ClusterName,
    InNamespace,
    InRollout,
    ReadsOfRequest,
    uid_of,
    unknown_cluster_of,
)
from ibgu.api.requests.readable import Readable
from ibgu.api.requests.visible import ReadableForCaller
from ibgu.api.rollouts.newer import newer_sentences
from ibgu.core.model.claims import CLAIMS
from ibgu.core.model.preflight import PreflightRecord
from ibgu.db.reads import Reads
from ibgu.db.reads.visits import by_activity
from ibgu.db.views import VisitRow

router = APIRouter(prefix="/clusters", tags=["clusters"], route_class=AuthenticatedRoute)

MAX_CLUSTERS = 20
"""The most steps of a cluster, newest first, in an explanation."""


@router.get(
    "/{name}/explain",
    response_model=ExplainedBody,
    responses=problems(401, 403, 404, 422, 503),
    summary="Explain why a cluster waits or failed, and what to do",
)
async def explain(
    name: ClusterName,
    caller: CallerOfRequest,
    reads: ReadsOfRequest,
    duration_stats: DurationsOfHub,
    readable: ReadableForCaller,
    evidence: EvidenceOfRequest,
    namespace: InNamespace = None,
    rollout: InRollout = None,
) -> Response:
    """The rollout that is named counts, if the caller may read it; else that in which the cluster
    was active last, for a caller who may `get managedclusters` of that name."""
    uid = await uid_of(caller, reads, namespace, rollout)
    if uid is None:
        await caller.require_cluster(name)
    visits = await reads.visits(name, rollout=uid, limit=MAX_CLUSTERS)
    if not visits.items:
        raise await unknown_cluster_of(uid, name, reads)
    items = by_activity(visits.items)
    claims = (await reads.cluster(name)).claims if _is_claimed(items[0]) else ()
    record = await _preflight(reads, items[0], readable)
    found = explained(items, claims, duration_stats, readable, record)
    read = msgspec.to_builtins(await evidence.of(items))
    follow_ups = await _follow_ups(reads, items[0], readable)
    newer = await reads.acted_later(items[0].member.member.rollout, name)
    body = {
        **msgspec.to_builtins(found),
        "newer": newer_sentences(newer, readable),
        "evidence": read,
        "followUps": follow_ups,
    }
    body["newestEvent"] = visits.newest_event
    return Response(msgspec.json.encode(body), media_type="application/json")


async def _preflight(reads: Reads, visit: VisitRow, readable: Readable) -> PreflightRecord | None:
    """Returns what preflight found before the cluster's step, for a caller who may read the
    rollout: findings quote its manifests and name others of its clusters."""
    row = visit.member
    if not readable.includes(row.namespace):
        return None
    return await reads.preflight_record(row.member.rollout, row.member.step)


async def _follow_ups(reads: Reads, visit: VisitRow, readable: Readable) -> list[str]:
    """Returns what policies have asked for with the cluster, for a caller who may read the
    rollout: it names others of its clusters."""
    row = visit.member
    if not readable.includes(row.namespace):
        return []
    found = await reads.follow_ups_of(row.member.rollout, row.member.cluster)
    return [each.words for each in found]


def _is_claimed(visit: VisitRow) -> bool:
    """Returns whether the member waits for another rollout that has the cluster."""
    member = visit.member.member
    return not member.finished and member.reason.kind in CLAIMS

"""Route for the way back of a cluster."""

from fastapi import APIRouter

from ibgu.api.problems.schemas import problems
from ibgu.api.recovery.mapping import recovery
from ibgu.api.recovery.schemas import RecoveryBody, RecoveryStepBody
from ibgu.api.requests.access import CallerOfRequest
from ibgu.api.requests.guarded import AuthenticatedRoute
from ibgu.api.requests.inputs import (
    ClusterName,
    InNamespace,
    InRollout,
    ReadsOfRequest,
    uid_of,
    unknown_cluster,
    unknown_cluster_of,
)
from ibgu.api.requests.visible import ReadableForCaller
from ibgu.db.reads.visits import by_activity

router = APIRouter(prefix="/clusters", tags=["clusters"], route_class=AuthenticatedRoute)

MAX_STEPS = 20
"""The most steps of a cluster, newest first, that are read."""
MAX_EVENTS = 500


@router.get(
    "/{name}/recovery",
    responses=problems(401, 403, 404, 422, 503),
    summary="Get the way back of a cluster after a change that failed",
)
async def cluster_recovery(
    name: ClusterName,
    caller: CallerOfRequest,
    reads: ReadsOfRequest,
    readable: ReadableForCaller,
    namespace: InNamespace = None,
    rollout: InRollout = None,
) -> RecoveryBody:
    """The rollout that is named counts, if the caller may read it; else, of those that the caller
    may read, the one in which the cluster was active last, for a caller who may `get
    managedclusters` of that name."""
    uid = await uid_of(caller, reads, namespace, rollout)
    if uid is None:
        await caller.require_cluster(name)
    visits = await reads.visits(name, rollout=uid, limit=MAX_STEPS)
    known = [each for each in by_activity(visits.items) if readable.includes(each.member.namespace)]
    if not known:
        raise await unknown_cluster_of(uid, name, reads)
    its = known[0].member.member.rollout
    row = await reads.rollout_by_uid(its)
    if row is None:
        raise unknown_cluster(name)
    events = await reads.cluster_events(name, limit=MAX_EVENTS)
    of_rollout = [each for each in known if each.member.member.rollout == its]
    found = recovery(row.rollout, of_rollout, events.items)
    return RecoveryBody(
        cluster=name,
        rollout=f"{row.rollout.namespace}/{row.rollout.name}",
        kind=row.rollout.kind,
        headline=found.headline,
        facts={key: text for key, text in found.facts.items() if text},
        steps=[RecoveryStepBody(text=s.text, commands=list(s.commands)) for s in found.steps],
        guide=found.guide,
        newest_event=visits.newest_event,
    )

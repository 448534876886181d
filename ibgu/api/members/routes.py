"""Routes for the members of a rollout."""

from typing import Annotated

from fastapi import APIRouter, Query

from ibgu.api.bodies import PageBody
from ibgu.api.durations.measured import DurationsOfHub
from ibgu.api.members.mapping import attempts_body, member_body
from ibgu.api.members.schemas import MemberAttemptsBody, MemberBody
from ibgu.api.problems.schemas import problems
from ibgu.api.requests.guarded import AuthenticatedRoute
from ibgu.api.requests.inputs import (
    PAGE,
    ClusterNames,
    ClusterPrefix,
    Cursor,
    Label,
    LabelNames,
    Limit,
    ReadsOfRequest,
    RolloutOfPath,
    StepOfRollout,
    index,
)
from ibgu.core.model import Cause, MemberState, Outcome, ReasonKind
from ibgu.db.reads import Sort

OnlyStalled = Annotated[
    bool, Query(description="Only members whose action takes longer than usual on this hub.")
]

OnlyWarned = Annotated[
    bool, Query(description="Only members whose cluster completed an action with a warning.")
]
OnlyRollback = Annotated[
    bool, Query(description="Only members whose cluster reports a deadline for a rollback.")
]

router = APIRouter(
    prefix="/rollouts/{namespace}/{name}", tags=["rollouts"], route_class=AuthenticatedRoute
)


@router.get(
    "/members",
    responses=problems(401, 403, 404, 422, 503),
    summary="List the clusters in the steps of a rollout",
)
async def members(
    row: RolloutOfPath,
    reads: ReadsOfRequest,
    duration_stats: DurationsOfHub,
    step: StepOfRollout = None,
    state: MemberState | None = None,
    outcome: Outcome | None = None,
    cause: Cause | None = None,
    label: Label = None,
    cluster: ClusterPrefix = "",
    clusters: ClusterNames = None,
    reason: ReasonKind | None = None,
    stalled: OnlyStalled = False,
    warned: OnlyWarned = False,
    rollback: OnlyRollback = False,
    sort: Sort = Sort.ORDER,
    limit: Limit = PAGE,
    cursor: Cursor = None,
) -> PageBody[MemberBody]:
    """Members come in the order of steps by default, and within a step in the order in which they
    start."""
    found = await reads.members(
        row.rollout.uid,
        step=index(step),
        state=state,
        outcome=outcome,
        cause=cause,
        prefix=cluster,
        clusters=clusters,
        label=label,
        reason=reason,
        slower_than={action: stats.limits.ended for action, stats in duration_stats.items()}
        if stalled
        else None,
        warned=warned,
        rollback=rollback,
        sort=sort,
        limit=limit,
        cursor=cursor,
    )
    return PageBody(
        items=[member_body(each, duration_stats) for each in found.items], next_cursor=found.next
    )


@router.get(
    "/attempts",
    responses=problems(401, 403, 404, 422, 503),
    summary="List the clusters in the steps of a rollout, with all attempts",
)
async def attempts(
    row: RolloutOfPath,
    reads: ReadsOfRequest,
    duration_stats: DurationsOfHub,
    labels: LabelNames,
    limit: Limit = PAGE,
    cursor: Cursor = None,
) -> PageBody[MemberAttemptsBody]:
    """Members come in the order of steps, and within a step in the order in which they start."""
    found = await reads.visits_of_rollout(row.rollout.uid, limit=limit, cursor=cursor)
    clusters = {each.member.member.cluster for each in found.items}
    labels_by_cluster = await reads.labels_of(clusters, labels)
    items = [
        attempts_body(each, duration_stats, labels_by_cluster.get(each.member.member.cluster, {}))
        for each in found.items
    ]
    return PageBody(items=items, next_cursor=found.next)

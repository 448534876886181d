"""Routes for rollouts and their steps."""

from typing import Annotated

from fastapi import APIRouter, Query

from ibgu.api.durations.measured import DurationsOfHub
from ibgu.api.problems.schemas import problems
from ibgu.api.requests.access import CallerOfRequest
from ibgu.api.requests.guarded import AuthenticatedRoute
from ibgu.api.requests.inputs import PAGE, Cursor, Limit, ReadsOfRequest, RolloutOfPath, require_crd
from ibgu.api.requests.visible import ReadableForCaller, Visible
from ibgu.api.rollouts.mapping import rollout_body, step_bodies
from ibgu.api.rollouts.needs import deadlines_of, needs_of
from ibgu.api.rollouts.newer import newer_body
from ibgu.api.rollouts.schemas import NewerRolloutsBody, RolloutBody, RolloutsBody, StepsBody
from ibgu.core.model import RolloutState

router = APIRouter(prefix="/rollouts", tags=["rollouts"], route_class=AuthenticatedRoute)

States = Annotated[
    list[RolloutState] | None, Query(description="Only rollouts in these states; repeatable.")
]
NeedsPersonToo = Annotated[
    bool,
    Query(
        alias="needsPerson",
        description="Include what needs a person, in all rollouts that you may read.",
    ),
]


@router.get("", responses=problems(401, 403, 422, 503), summary="List rollouts, newest first")
async def rollouts(
    visible: Visible,
    reads: ReadsOfRequest,
    duration_stats: DurationsOfHub,
    state: States = None,
    limit: Limit = PAGE,
    cursor: Cursor = None,
    needs_person: NeedsPersonToo = False,
    *,
    caller: CallerOfRequest,
) -> RolloutsBody:
    """Rollouts of the namespaces in which the caller may `get imagebasedgroupupgrades`, as of one
    moment."""
    found = await reads.rollouts(
        namespaces=visible,
        states=state,
        limit=limit,
        cursor=cursor,
        others=needs_person,
    )
    if not found.items:
        await require_crd(caller)
    rows = (*found.items, *found.others)
    return RolloutsBody(
        items=[rollout_body(row, duration_stats) for row in found.items],
        next_cursor=found.next,
        seq=found.seq,
        needs_person=needs_of(rows, duration_stats) if needs_person else None,
        rollback_deadlines=deadlines_of(rows) if needs_person else None,
    )


@router.get(
    "/{namespace}/{name}", responses=problems(401, 403, 404, 422, 503), summary="One rollout"
)
async def rollout(
    found: RolloutOfPath, reads: ReadsOfRequest, duration_stats: DurationsOfHub
) -> RolloutBody:
    row = await reads.rollout_by_uid(found.rollout.uid)
    assert row is not None, "records of rollouts stay"
    return rollout_body(row, duration_stats)


@router.get(
    "/{namespace}/{name}/newer",
    responses=problems(401, 403, 404, 422, 503),
    summary="List the newer rollouts that act, or have acted, on clusters of a rollout",
)
async def newer(
    found: RolloutOfPath, reads: ReadsOfRequest, readable: ReadableForCaller
) -> NewerRolloutsBody:
    """Deleted rollouts count, too. Those of namespaces that the caller may not read have no name
    there."""
    return newer_body(await reads.acted_later(found.rollout.uid), readable)


@router.get(
    "/{namespace}/{name}/steps",
    responses=problems(401, 403, 404, 422, 503),
    summary="List the steps of a rollout, in order",
)
async def steps(
    row: RolloutOfPath, reads: ReadsOfRequest, duration_stats: DurationsOfHub
) -> StepsBody:
    """Steps of the plan that have not begun are there too, with the state `planned`."""
    bodies = step_bodies(row.rollout, await reads.steps(row.rollout.uid), duration_stats)
    return StepsBody(items=list(bodies))

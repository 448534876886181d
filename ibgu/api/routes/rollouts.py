"""Rollouts and their steps."""

from collections.abc import Collection
from typing import Annotated

from fastapi import APIRouter, Query

from ibgu.api.access import Caller, CallerOfRequest
from ibgu.api.routes.inputs import (
    PAGE,
    Cursor,
    InNamespace,
    Limit,
    ReadsOfRequest,
    RolloutOfPath,
)
from ibgu.api.schemas.base import Page
from ibgu.api.schemas.problem import problems
from ibgu.api.schemas.rollouts import RolloutBody, Steps
from ibgu.api.shape.rollouts import rollout_body, step_bodies
from ibgu.core.model import RolloutState
from ibgu.db.reads import Reads

router = APIRouter(prefix="/rollouts", tags=["rollouts"])

States = Annotated[
    list[RolloutState] | None, Query(description="Only in these states; may be given repeatedly.")
]


@router.get("", responses=problems(401, 403, 422, 503), summary="Rollouts, the newest first")
async def rollouts(
    caller: CallerOfRequest,
    reads: ReadsOfRequest,
    namespace: InNamespace = None,
    state: States = None,
    limit: Limit = PAGE,
    cursor: Cursor = None,
) -> Page[RolloutBody]:
    """Of the namespaces in which the caller may `get imagebasedgroupupgrades`."""
    found = await reads.rollouts(
        namespaces=await _namespaces(caller, reads, namespace),
        states=state,
        limit=limit,
        cursor=cursor,
    )
    return Page(items=[rollout_body(row) for row in found.items], next_cursor=found.next)


async def _namespaces(
    caller: Caller, reads: Reads, namespace: str | None
) -> Collection[str] | None:
    """None: all. A namespace that is named must be readable, others are left out."""
    if namespace is not None:
        await caller.require_rollouts(namespace)
        return [namespace]
    if await caller.may_read_rollouts():
        return None
    return await caller.readable(await reads.namespaces())


@router.get(
    "/{namespace}/{name}", responses=problems(401, 403, 404, 422, 503), summary="One rollout"
)
async def rollout(row: RolloutOfPath) -> RolloutBody:
    return rollout_body(row)


@router.get(
    "/{namespace}/{name}/steps",
    responses=problems(401, 403, 404, 422, 503),
    summary="The steps of a rollout, in order",
)
async def steps(row: RolloutOfPath, reads: ReadsOfRequest) -> Steps:
    """Those of the plan that have not begun are there too, with the state `planned`."""
    uid = row.rollout.uid
    bodies = step_bodies(row.rollout, await reads.steps(uid), await reads.reasons(uid))
    return Steps(items=list(bodies))

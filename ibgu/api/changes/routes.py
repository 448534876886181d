"""Routes for what a person may change about a rollout: on the hub, with the caller's own token."""

from collections.abc import AsyncIterator, Collection
from typing import Any

from fastapi import APIRouter

from ibgu.api.changes.changing import ChangingOfRequest, missing_rights, retry_rights, told
from ibgu.api.changes.retrying import failures, selecting, why_no_retry
from ibgu.api.changes.schemas import (
    AbortBody,
    ChangeBody,
    NewStepBody,
    PauseBody,
    PermitBody,
    PermitsBody,
    RetryBody,
    RiskBody,
    SkipBody,
)
from ibgu.api.problems import Problem
from ibgu.api.problems.schemas import problems
from ibgu.api.requests.access import CallerOfRequest
from ibgu.api.requests.guarded import Guarded
from ibgu.api.requests.hub import FleetListsOfProcess
from ibgu.api.requests.inputs import ReadsOfRequest, RolloutOfPath
from ibgu.core.engine.display import reason_of
from ibgu.core.engine.skippable import not_waiting
from ibgu.core.model import MemberState, ReasonKind, names
from ibgu.core.views import change
from ibgu.core.views.change import ChangeTarget, NewStep, RequestedChange, RolloutSituation
from ibgu.db.reads import Reads
from ibgu.db.views import MemberRow, RolloutAndStep

router = APIRouter(prefix="/rollouts/{namespace}/{name}", tags=["changes"], route_class=Guarded)
_PROBLEMS = problems(401, 403, 404, 409, 415, 422, 503)
_PAGE = 500
_RISKS = {
    action: RiskBody(danger=risk.danger, lost=risk.lost) for action, risk in change.RISKS.items()
}


@router.get(
    "/actions",
    responses=problems(401, 403, 404, 422, 503),
    summary="What may be changed now, and why the rest may not",
)
async def actions(
    row: RolloutOfPath, reads: ReadsOfRequest, caller: CallerOfRequest
) -> PermitsBody:
    """The caller's rights on the hub, as of half a minute ago, and the rollout's state decide."""
    found = change.permits(await _situation(row, reads))
    missing = await missing_rights(caller, row.rollout)
    if "retry" not in missing and any(each.name == "retry" and each.allowed for each in found):
        missing["retry"] = await why_no_retry(row.rollout, reads, caller)
    items = [
        PermitBody(
            name=permit.name,
            allowed=permit.allowed,
            why=permit.why,
            plans=[list(step) for step in permit.plans],
            danger=permit.risk.danger,
            lost=permit.risk.lost,
        )
        for permit in change.denied(found, missing)
    ]
    return PermitsBody(items=items, risks=_RISKS)


@router.post("/steps", status_code=202, responses=_PROBLEMS, summary="Append a step to the plan")
async def append_step(changing: ChangingOfRequest, body: NewStepBody) -> ChangeBody:
    """The hub refuses it if the plan has changed since it was read."""
    step = NewStep(tuple(body.actions), body.max_concurrency, body.timeout)
    return await changing.make(lambda target: change.append(target, step))


@router.post(
    "/abort", status_code=202, responses=_PROBLEMS, summary="Append AbortOnFailure, or Abort"
)
async def abort(changing: ChangingOfRequest, body: AbortBody | None = None) -> ChangeBody:
    """AbortOnFailure; Abort, which undoes what has succeeded too, only for `everybody`."""
    given = body or AbortBody()
    return await changing.make(
        lambda target: change.abort(
            target,
            everybody=given.everybody,
            max_concurrency=given.max_concurrency,
            timeout=given.timeout,
        )
    )


@router.post("/pause", status_code=202, responses=_PROBLEMS, summary="Start nothing new")
async def pause(
    changing: ChangingOfRequest,
    row: RolloutOfPath,
    reads: ReadsOfRequest,
    body: PauseBody | None = None,
) -> ChangeBody:
    """Refused where the rollout is complete."""
    why = body.why if body else ""
    situation = await _situation(row, reads)
    if not situation.rollout.paused:
        _require(situation, "pause")
    return await changing.make(lambda target: change.pause(target, why))


@router.post("/resume", status_code=202, responses=_PROBLEMS, summary="Go on after a hold")
async def resume(
    changing: ChangingOfRequest, row: RolloutOfPath, reads: ReadsOfRequest
) -> ChangeBody:
    """Ends a pause; where there is none, goes on after the circuit breaker, a changed payload or a
    restore."""
    situation = await _situation(row, reads)

    def decide(target: ChangeTarget) -> RequestedChange:
        if names.PAUSE not in target.annotations:
            _require(situation, "resume")
        return change.resume(target, situation)

    return await changing.make(decide)


@router.post("/skip", status_code=202, responses=_PROBLEMS, summary="Take waiting clusters out")
async def skip(
    changing: ChangingOfRequest,
    row: RolloutOfPath,
    reads: ReadsOfRequest,
    body: SkipBody | None = None,
) -> ChangeBody:
    """Out of the running step; those in flight stay."""
    given = body or SkipBody()
    situation = await _situation(row, reads)
    _require(situation, "skip")
    assert situation.newest is not None
    chosen, step = given.clusters, situation.newest.index
    if given.reason is not None:
        chosen = await _waiting_for(given.reason, row, reads, chosen)
    if chosen is None:
        return await changing.make(lambda target: change.skip(target, step + 1))
    members = {
        each.member.cluster: each.member
        async for each in _members(row, reads, step=step, clusters=chosen)
    }
    others = not_waiting(chosen, members, step)
    return await changing.make(
        lambda target: change.skip_named(target, chosen, others, if_waiting=given.if_waiting)
    )


@router.post("/adopt", status_code=202, responses=_PROBLEMS, summary="Take over from TALM")
async def adopt(
    changing: ChangingOfRequest, row: RolloutOfPath, reads: ReadsOfRequest
) -> ChangeBody:
    """Takes over what a TALM that is gone has left unfinished."""
    _require(await _situation(row, reads), "adopt")
    return await changing.make(change.adopt)


@router.post("/retry", status_code=202, responses=_PROBLEMS, summary="Failed clusters once more")
async def retry(
    changing: ChangingOfRequest,
    row: RolloutOfPath,
    reads: ReadsOfRequest,
    caller: CallerOfRequest,
    lists: FleetListsOfProcess,
    body: RetryBody | None = None,
) -> ChangeBody:
    """Creates a new ImageBasedGroupUpgrade for these clusters alone. A cluster that has failed Prep
    or Upgrade must be aborted first. Needs the rights to list ManagedClusters and to create an
    ImageBasedGroupUpgrade."""
    given = body or RetryBody()
    rollout = row.rollout
    await caller.require(*retry_rights(rollout.namespace))
    _require(await _situation(row, reads), "retry")
    found = await failures(rollout, reads, caller, clusters=given.clusters, cause=given.cause)
    wanted = {member.cluster for member in found.members}
    with told("", rollout.namespace, rollout.name):
        async with lists.turn(caller.user.username):
            labels = {
                each.metadata.name: each.metadata.labels
                async for each in changing.hub.clusters()
                if each.metadata.name in wanted
            }
            later = selecting(await changing.hub.ibgus(rollout.namespace), rollout)
    judged = found.judged(labels, later)
    return await changing.make(lambda target: change.retry(target, judged))


async def _situation(row: RolloutAndStep, reads: Reads) -> RolloutSituation:
    steps = await reads.steps(row.rollout.uid)
    newest = steps[-1] if steps else None
    return RolloutSituation(
        rollout=row.rollout,
        newest=newest.step if newest else None,
        waiting=newest.counts.waiting if newest else 0,
        failed=sum(each.counts.failed + each.counts.cancelled for each in steps),
    )


def _require(situation: RolloutSituation, name: str) -> None:
    permit = next(each for each in change.permits(situation) if each.name == name)
    if not permit.allowed:
        raise Problem(409, "not-now", permit.why)


async def _waiting_for(
    kind: ReasonKind, row: RolloutAndStep, reads: Reads, clusters: Collection[str] | None
) -> list[str]:
    """Returns those of the clusters (None: of all) that wait for the reason."""
    found = [
        each.member.cluster
        async for each in _members(row, reads, state=MemberState.WAITING)
        if (reason := reason_of(each.member, each.hold)) and reason.kind is kind
    ]
    chosen = found if clusters is None else [name for name in found if name in set(clusters)]
    if not chosen:
        raise Problem(409, "not-now", f"no cluster waits for the reason {kind}")
    return chosen


async def _members(row: RolloutAndStep, reads: Reads, **wanted: Any) -> AsyncIterator[MemberRow]:
    cursor: str | None = None
    while True:
        page = await reads.members(row.rollout.uid, limit=_PAGE, cursor=cursor, **wanted)
        for each in page.items:
            yield each
        cursor = page.next
        if cursor is None:
            return

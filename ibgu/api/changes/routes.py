"""Routes for what a person may change about a rollout: on the hub, with the caller's own token."""

from datetime import UTC, datetime, timedelta

from fastapi import APIRouter
from msgspec.structs import replace

from ibgu.api.changes.changes import ChangingOfRequest, missing_rights
from ibgu.api.changes.retrying import why_no_retry
from ibgu.api.changes.schemas import (
    ApproveBody,
    ApprovedBody,
    AwaitedApprovalBody,
    BreakGlassBody,
    ChangeBody,
    NewStepBody,
    PauseBody,
    PermitBody,
    PermitsBody,
    SkipBody,
)
from ibgu.api.changes.situation import (
    members_of,
    policies_in_force,
    require,
    situation_of,
    uncleaned_of,
    waiting_for,
)
from ibgu.api.problems.schemas import problems
from ibgu.api.requests.access import CallerOfRequest
from ibgu.api.requests.guarded import AuthenticatedRoute
from ibgu.api.requests.inputs import ReadsOfRequest, RolloutOfPath
from ibgu.core.engine.decide.rollout.skippable import not_waiting
from ibgu.core.model import names
from ibgu.core.views import change
from ibgu.core.views.change import ChangeTarget, NewStep, RequestedChange

router = APIRouter(
    prefix="/rollouts/{namespace}/{name}", tags=["changes"], route_class=AuthenticatedRoute
)
_PROBLEMS = problems(401, 403, 404, 409, 415, 422, 503)


@router.get(
    "/actions",
    responses=problems(401, 403, 404, 422, 503),
    summary="List the changes that are possible now, and why others are not",
)
async def actions(
    row: RolloutOfPath, reads: ReadsOfRequest, caller: CallerOfRequest
) -> PermitsBody:
    """Returns each action with what keeps the caller from it: the rollout's state, or their rights
    on the hub as of half a minute ago."""
    situation = await situation_of(row, reads)
    uncleaned = await uncleaned_of(row, reads) if situation.failed else 0
    policies, now = await reads.policy_specs(), datetime.now(UTC)
    ahead = change.approvals_ahead(row.rollout, situation.newest, policies, now)
    uid, wanted = row.rollout.uid, change.UPGRADE_LABELS
    labels = await reads.upgrade_labels(uid, wanted) if situation.newest else None
    found = change.permits(
        replace(situation, uncleaned=uncleaned, ahead=ahead, upgrade_labels=labels)
    )
    missing = await missing_rights(caller, row.rollout)
    if "retry" not in missing and any(each.name == "retry" and each.allowed for each in found):
        missing["retry"] = await why_no_retry(row.rollout, reads, caller)
    items = [
        PermitBody(
            name=permit.name,
            allowed=permit.allowed,
            why=permit.why,
            plans=[list(step) for step in permit.plans],
            approvals=[
                AwaitedApprovalBody(
                    step=each.step,
                    before=each.before,
                    what=each.what,
                    danger=each.danger,
                    ahead=each.ahead,
                )
                for each in permit.approvals
            ],
            danger=permit.danger,
        )
        for permit in change.denied(found, missing)
    ]
    dangers = {action.name: action.risk.danger for action in situation.table.actions}
    return PermitsBody(items=items, dangers=dangers)


@router.post("/steps", status_code=202, responses=_PROBLEMS, summary="Append a step to the plan")
async def append_step(changing: ChangingOfRequest, body: NewStepBody) -> ChangeBody:
    """Appends a step. The hub refuses it if the plan has changed since it was read."""
    step = NewStep(tuple(body.actions), body.max_concurrency, body.timeout)
    return await changing.make(lambda target: change.append(target, step))


@router.post("/pause", status_code=202, responses=_PROBLEMS, summary="Pause a rollout")
async def pause(
    changing: ChangingOfRequest,
    row: RolloutOfPath,
    reads: ReadsOfRequest,
    body: PauseBody | None = None,
) -> ChangeBody:
    """Pauses the rollout. A complete rollout can't be paused."""
    why = body.why if body else ""
    situation = await situation_of(row, reads)

    def decide(target: ChangeTarget) -> RequestedChange:
        if not situation.rollout.paused:
            require(situation, "pause")
        return change.pause(target, why)

    return await changing.make(decide)


@router.post("/resume", status_code=202, responses=_PROBLEMS, summary="Resume a rollout")
async def resume(
    changing: ChangingOfRequest, row: RolloutOfPath, reads: ReadsOfRequest
) -> ChangeBody:
    """Ends a pause; where there is none, goes on after the circuit breaker, a changed payload or a
    restore."""
    situation = await situation_of(row, reads)

    def decide(target: ChangeTarget) -> RequestedChange:
        if names.PAUSE not in target.annotations:
            require(situation, "resume")
        return change.resume(target, situation)

    return await changing.make(decide)


@router.post("/skip", status_code=202, responses=_PROBLEMS, summary="Skip waiting clusters")
async def skip(
    changing: ChangingOfRequest,
    row: RolloutOfPath,
    reads: ReadsOfRequest,
    body: SkipBody | None = None,
) -> ChangeBody:
    """Takes waiting clusters out of the running step; those in flight stay."""
    given = body or SkipBody()
    situation = await situation_of(row, reads)
    async with changing.deciding():
        require(situation, "skip")
    assert situation.newest is not None
    chosen, step = given.clusters, situation.newest.index
    if given.reason is not None:
        chosen = await waiting_for(given.reason, row, reads, chosen)
    if chosen is None:
        return await changing.make(lambda target: change.skip(target, step + 1))
    members = {
        each.member.cluster: each.member
        async for each in members_of(row, reads, step=step, clusters=chosen)
    }
    others = not_waiting(chosen, members, step)
    return await changing.make(
        lambda target: change.skip_named(target, chosen, others, if_waiting=given.if_waiting)
    )


@router.post("/adopt", status_code=202, responses=_PROBLEMS, summary="Adopt a rollout from TALM")
async def adopt(
    changing: ChangingOfRequest, row: RolloutOfPath, reads: ReadsOfRequest
) -> ChangeBody:
    """Takes over what TALM has begun: a TALM that is gone, or one that the policy keeps away."""
    async with changing.deciding():
        require(await situation_of(row, reads), "adopt")
    return await changing.make(change.adopt)


@router.post("/approve", status_code=202, responses=_PROBLEMS, summary="Approve a step")
async def approve(
    changing: ChangingOfRequest, body: ApproveBody, row: RolloutOfPath, reads: ReadsOfRequest
) -> ApprovedBody:
    """Writes a RolloutApproval in the name of the caller, who needs the right to create one. If
    they have approved the same already, nothing is written."""
    lasts = timedelta(minutes=body.minutes) if body.minutes else None
    policies = await policies_in_force(row, reads)
    grants = row.rollout.grants
    made, answer = await changing.grant(
        lambda target: change.approve(
            target, body.step, body.before, body.comment, lasts, policies, grants
        ),
        "rolloutapprovals",
    )
    assert made.step is not None
    return ApprovedBody(**answer.model_dump(), step=made.step)


@router.post("/break-glass", status_code=202, responses=_PROBLEMS, summary="Pass gates of policies")
async def break_glass(
    changing: ChangingOfRequest, body: BreakGlassBody, row: RolloutOfPath, reads: ReadsOfRequest
) -> ChangeBody:
    """Writes a BreakGlass in the name of the caller, who needs the right to create one."""
    lasts = timedelta(minutes=body.minutes)
    policies = await policies_in_force(row, reads)
    _, answer = await changing.grant(
        lambda target: change.break_glass(target, body.gates, body.reason, lasts, policies),
        "breakglasses",
    )
    return answer

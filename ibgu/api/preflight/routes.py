"""The routes for what would fail, and for what was found before steps that have begun."""

from datetime import UTC, datetime

from fastapi import APIRouter, Depends

from ibgu.api.preflight.mapping import preflight_body
from ibgu.api.preflight.recorded import step_preflight_body
from ibgu.api.preflight.schemas import (
    PreflightBody,
    PreflightSubjectBody,
    StepPreflightsBody,
)
from ibgu.api.preflight.selected import SelectedClusters, SelectedClustersOfRequest
from ibgu.api.preview.inspections import InspectionsOfRequest
from ibgu.api.preview.previews import PlanPreviews, PreviewingOfRequest
from ibgu.api.preview.proposals import of_manifest, of_rollout
from ibgu.api.preview.schemas import ProposalBody
from ibgu.api.problems.schemas import problems
from ibgu.api.requests.access import Caller, CallerOfRequest
from ibgu.api.requests.guarded import AuthenticatedRoute
from ibgu.api.requests.inputs import ReadsOfRequest, RolloutOfPath
from ibgu.core.drivers.ibu.preflight import PreflightReport
from ibgu.db.reads import Reads

router = APIRouter(route_class=AuthenticatedRoute)


async def _may_list(caller: CallerOfRequest) -> None:
    await caller.require_clusters()


@router.post(
    "/preflight",
    name="preflight",
    tags=["changes"],
    dependencies=[Depends(_may_list)],
    responses=problems(401, 403, 404, 409, 415, 422, 503),
    summary="Check what would fail, without changing anything",
)
async def checked(
    caller: CallerOfRequest,
    reads: ReadsOfRequest,
    previewing: PreviewingOfRequest,
    selected: SelectedClustersOfRequest,
    inspections: InspectionsOfRequest,
    body: PreflightSubjectBody,
) -> PreflightBody:
    """Rights are those of a preview: what the caller may not read on the hub is unknown. The
    clusters of a plan are those of its first step that has not begun."""
    if body.inspect:
        inspections.ask()
    report = await _report(caller, reads, previewing, selected, body)
    return preflight_body(report, inspectable=inspections.enabled)


@router.get(
    "/rollouts/{namespace}/{name}/preflight",
    name="preflight_of_steps",
    tags=["rollouts"],
    responses=problems(401, 403, 404, 422, 503),
    summary="Show what preflight found before each step, and which failures it had found",
)
async def recorded(row: RolloutOfPath, reads: ReadsOfRequest) -> StepPreflightsBody:
    uid = row.rollout.uid
    items = []
    for step in await reads.judged_steps(uid):
        failed = await reads.failed_clusters(uid, step.index)
        erring = sorted(step.preflight.erring()) if step.preflight is not None else []
        succeeded = await reads.succeeded_among(uid, step.index, erring)
        items.append(step_preflight_body(step, failed, succeeded))
    return StepPreflightsBody(items=items)


async def _report(
    caller: Caller,
    reads: Reads,
    previewing: PlanPreviews,
    selected: SelectedClusters,
    body: PreflightSubjectBody,
) -> PreflightReport:
    if body.selector is not None:
        return await selected.preflight(body.selector, body.target)
    if body.manifest is not None:
        return await previewing.preflight(of_manifest(body.manifest))
    await caller.require_rollouts(body.namespace or "")
    named = ProposalBody(namespace=body.namespace, name=body.name)
    asked = await of_rollout(named, reads, datetime.now(UTC))
    return await previewing.preflight(asked)

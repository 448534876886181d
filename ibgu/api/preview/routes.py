"""Routes for what a plan would do, from the hub (with the caller's token) and from measured
durations."""

from datetime import UTC, datetime

from fastapi import APIRouter, Depends, Request
from msgspec.structs import replace

from ibgu.api.context import Context
from ibgu.api.durations.measured import DurationsOfHub
from ibgu.api.preview.mapping import preview_body
from ibgu.api.preview.proposals import KIND, of_manifest, of_rollout
from ibgu.api.preview.schemas import PreviewBody, ProposalBody
from ibgu.api.preview.warnings import in_an_upgrade, in_newer, refused
from ibgu.api.problems.schemas import problems
from ibgu.api.requests.access import CallerOfRequest
from ibgu.api.requests.guarded import Guarded
from ibgu.api.requests.hub import FleetListsOfProcess, HubOfCaller
from ibgu.api.requests.inputs import ReadsOfRequest
from ibgu.api.requests.refusals import refusals_as_problems
from ibgu.core.model import Action
from ibgu.core.model.shown import view_cluster
from ibgu.core.plan import EVERYWHERE, Scope
from ibgu.core.views.preview import preview
from ibgu.hub.clustersets import read_tenancy
from ibgu.hub.port import Hub
from ibgu.hub.preflight import Preflight
from ibgu.hub.writing.changes import Changes

router = APIRouter(tags=["changes"], route_class=Guarded)


async def _may_list(caller: CallerOfRequest) -> None:
    await caller.require_clusters()


@router.post(
    "/preview",
    name="preview",
    dependencies=[Depends(_may_list)],
    responses=problems(401, 403, 404, 415, 422, 503),
    summary="What a plan would do; nothing is changed",
)
async def previewed(
    request: Request,
    caller: CallerOfRequest,
    hub: HubOfCaller,
    reads: ReadsOfRequest,
    duration_stats: DurationsOfHub,
    lists: FleetListsOfProcess,
    body: ProposalBody,
) -> PreviewBody:
    """A caller needs the right to `list managedclusters`; with tenancy also `managedclustersets`,
    and `managedclustersetbindings` of the namespace. ConfigMaps and the pull secret are looked for,
    and the hub's admission is asked, as far as the caller's rights go."""
    now = datetime.now(UTC)
    if body.manifest is not None:
        asked = of_manifest(body.manifest)
    else:
        await caller.require_rollouts(body.namespace or "")
        asked = await of_rollout(body, reads, now)
    with refusals_as_problems(caller.user.username, asked.namespace, body.name or KIND):
        scope = await _scope(request, hub, asked.namespace)
        proposal = replace(asked.proposal, hub_rate=_hub_rate(request), scope=scope)
        async with lists.turn(caller.user.username):
            clusters = [view_cluster(each) async for each in Changes(hub, "").clusters()]
            found = preview(proposal, clusters, duration_stats, now)
            upgraded = in_an_upgrade(found, clusters)
            del clusters
        preflight = Preflight(hub)
        if any(Action.PREP in step.actions for step in found.steps):
            await preflight.payload(asked.proposal.spec, asked.namespace)
        if asked.manifest is not None:
            await preflight.admission(asked.manifest, asked.namespace)
    newer = await in_newer(found, asked.rollout, reads, caller)
    fields = await refused(found, proposal.spec.ibu_spec, upgraded, caller, reads)
    warnings = [*fields, *newer, *preflight.warnings]
    return preview_body(found, preflight.problems, warnings)


async def _scope(request: Request, hub: Hub, namespace: str) -> Scope:
    """Reads the scope by the caller's rights: without the right to read bindings there is no answer
    (403)."""
    context: Context = request.app.state.context
    if not context.tenancy:
        return EVERYWHERE
    return (await read_tenancy(hub, lambda bad: None, namespace)).scope(namespace)


def _hub_rate(request: Request) -> int:
    context: Context = request.app.state.context
    return context.starts_per_minute

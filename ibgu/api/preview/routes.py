"""Routes for what a plan would do, from the hub (with the caller's token) and from measured
durations."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import msgspec
from fastapi import APIRouter, Depends, Request
from msgspec import Struct
from msgspec.structs import replace

from ibgu.api.changes.changing import told
from ibgu.api.changes.retrying import naming
from ibgu.api.changes.schemas import NewStepBody
from ibgu.api.context import Context
from ibgu.api.durations.measured import PacesOfHub
from ibgu.api.preview.mapping import preview_body
from ibgu.api.preview.schemas import PreviewBody, ProposalBody
from ibgu.api.problems import Problem, invalid
from ibgu.api.problems.rules import broken_manifest
from ibgu.api.problems.schemas import problems
from ibgu.api.requests.access import Caller, CallerOfRequest
from ibgu.api.requests.guarded import Guarded
from ibgu.api.requests.hub import FleetListsOfProcess, HubOfCaller
from ibgu.api.requests.inputs import ReadsOfRequest
from ibgu.api.requests.readable import readable_by
from ibgu.core.engine.display import came_true
from ibgu.core.engine.gates import deadline
from ibgu.core.engine.rate_limits import rate_limits_of
from ibgu.core.model import (
    LABEL_PREFIX,
    Action,
    ClusterView,
    MemberState,
    Outcome,
    Rollout,
    StepState,
)
from ibgu.core.model.kinds import Ibgu, IbguSpec, IbuSpec, JsonObject, PlanItem, RolloutStrategy
from ibgu.core.model.shown import view_cluster
from ibgu.core.plan import EVERYWHERE, Scope, Started
from ibgu.core.views.preview import GivenSpec, Preview, Proposal, Running, preview, refused_fields
from ibgu.db.reads import Reads
from ibgu.db.views import StepRow
from ibgu.hub.clustersets import read_tenancy
from ibgu.hub.port import Hub
from ibgu.hub.preflight import Preflight
from ibgu.hub.writing.changes import Changes

router = APIRouter(tags=["changes"], route_class=Guarded)
_ABORTS = (Action.ABORT, Action.ABORT_ON_FAILURE)
_KIND = "ImageBasedGroupUpgrade"
_NAMESPACE = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")


async def _may_list(caller: CallerOfRequest) -> None:
    await caller.require_clusters()


class _Asked(Struct, frozen=True):
    namespace: str
    proposal: Proposal
    manifest: JsonObject | None = None
    rollout: Rollout | None = None


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
    duration_stats: PacesOfHub,
    lists: FleetListsOfProcess,
    body: ProposalBody,
) -> PreviewBody:
    """A caller needs the right to `list managedclusters`; with tenancy also `managedclustersets`,
    and `managedclustersetbindings` of the namespace. ConfigMaps and the pull secret are looked for,
    and the hub's admission is asked, as far as the caller's rights go."""
    now = datetime.now(UTC)
    if body.manifest is not None:
        asked = _of_manifest(body.manifest)
    else:
        await caller.require_rollouts(body.namespace or "")
        asked = await _of_rollout(body, reads, now)
    with told(caller.user.username, asked.namespace, body.name or _KIND):
        scope = await _scope(request, hub, asked.namespace)
        proposal = replace(asked.proposal, hub_rate=_hub_rate(request), scope=scope)
        async with lists.turn(caller.user.username):
            clusters = [view_cluster(each) async for each in Changes(hub, "").clusters()]
            found = preview(proposal, clusters, duration_stats, now)
            begun = _begun(found, clusters)
            del clusters
        preflight = Preflight(hub)
        if any(Action.PREP in step.actions for step in found.steps):
            await preflight.payload(asked.proposal.spec, asked.namespace)
        if asked.manifest is not None:
            await preflight.admission(asked.manifest, asked.namespace)
    newer = await _in_newer(found, asked.rollout, reads, caller)
    refused = await _refused(found, proposal.spec.ibu_spec, begun, caller, reads)
    warnings = [*refused, *newer, *preflight.warnings]
    return preview_body(found, preflight.problems, warnings)


async def _in_newer(
    found: Preview, rollout: Rollout | None, reads: Reads, caller: Caller
) -> list[str]:
    """Returns a warning if an abort takes clusters that newer rollouts work on since."""
    if rollout is None or not found.selected or found.steps[0].actions[0] not in _ABORTS:
        return []
    taken = await reads.taken_later(rollout, found.selected)
    if not taken:
        return []
    readable = await caller.readable({by.namespace for by in taken.values()})
    named = naming(rollout.namespace, readable)
    names = ", ".join(sorted({named(by) for by in taken.values()}))
    noun = "cluster was" if len(found.selected) == 1 else "clusters were"
    return [
        f"{len(taken)} of {len(found.selected)} {noun} in newer rollouts since ({names}): what "
        "these have done there is aborted, too"
    ]


def _begun(found: Preview, clusters: Sequence[ClusterView]) -> list[str]:
    """Returns the clusters of the first step that are in the middle of an upgrade by their
    labels."""
    first = frozenset(found.steps[0].clusters if found.steps else ())
    return [
        each.name
        for each in clusters
        if each.name in first and any(label.startswith(LABEL_PREFIX) for label in each.labels)
    ]


async def _refused(
    found: Preview, spec: IbuSpec, begun: Sequence[str], caller: Caller, reads: Reads
) -> list[str]:
    """Returns warnings of fields that the clusters would refuse, by what they took last."""
    if not begun:
        return []
    readable = await readable_by(caller, reads)
    given = {
        cluster: GivenSpec(
            action,
            rollout.spec.ibu_spec,
            readable.full_name(rollout.namespace, rollout.name),
            readable.includes(rollout.namespace),
        )
        for cluster, (action, rollout) in (await reads.last_taken(begun)).items()
    }
    return list(refused_fields(found.steps[0], spec, given))


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


def _of_manifest(manifest: JsonObject) -> _Asked:
    try:
        msgspec.json.encode(manifest)
        found = msgspec.convert(manifest, Ibgu)
    except (msgspec.ValidationError, ValueError, RecursionError) as error:
        raise invalid("manifest", "body", broken_manifest(str(error))) from error
    if manifest.get("kind") != _KIND:
        raise invalid("manifest", "body", f"its kind is not {_KIND}")
    meta = found.metadata
    if meta.namespace and not _NAMESPACE.fullmatch(meta.namespace):
        words = "it is no name of a namespace"
        raise invalid("manifest.metadata.namespace", "body", words)
    rate_limits = rate_limits_of(meta.annotations)
    proposal = Proposal(found.spec, annotations=meta.annotations, rate_limits=rate_limits)
    return _Asked(meta.namespace or "default", proposal, manifest)


async def _of_rollout(body: ProposalBody, reads: Reads, now: datetime) -> _Asked:
    namespace, name = body.namespace or "", body.name or ""
    found = await reads.rollout(namespace, name)
    if found is None:
        raise Problem(404, "not-found", f"there is no rollout {name} in namespace {namespace}")
    rollout, steps = found.rollout, await reads.steps(found.rollout.uid)
    proposal = Proposal(
        spec=_appended(rollout.spec, body.append),
        begun=[_started(row) for row in steps],
        running=await _running(steps[-1], reads, now) if steps else None,
        annotations=rollout.annotations,
        rate_limits=rate_limits_of(rollout.controls),
        barred=await reads.barred(rollout),
    )
    return _Asked(namespace, proposal, rollout=rollout)


def _appended(spec: IbguSpec, steps: list[NewStepBody]) -> IbguSpec:
    plan = list(spec.plan)
    for step in steps:
        last = plan[-1].rollout_strategy if plan else RolloutStrategy(1)
        strategy = RolloutStrategy(
            step.max_concurrency or last.max_concurrency, step.timeout or last.timeout
        )
        plan.append(PlanItem([action.value for action in step.actions], strategy))
    return replace(spec, plan=plan)


def _started(row: StepRow) -> Started:
    step = row.step
    return (step.actions, step.max_concurrency, round(step.timeout / timedelta(minutes=1)))


async def _running(row: StepRow, reads: Reads, now: datetime) -> Running | None:
    step = row.step
    if step.state is StepState.FINISHED:
        return None
    ends = deadline(step, now) if step.started_at else now + step.timeout
    members = (await reads.grid(step.rollout, step.index)).cells
    return Running(
        left=row.counts.waiting + row.counts.running,
        deadline=ends,
        lost=frozenset(
            cluster
            for cluster, _, _, _, outcome, _, _, _, _, late, *_ in members
            if _lost(outcome=outcome, late=late)
        ),
        in_flight=frozenset(name for name, state, *_ in members if state == MemberState.IN_FLIGHT),
    )


def _lost(*, outcome: str | None, late: str) -> bool:
    return outcome not in (None, Outcome.SUCCEEDED) and not came_true(outcome, late)

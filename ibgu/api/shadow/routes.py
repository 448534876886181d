"""Routes for what shadow mode saw of TALM (R20.6)."""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Request

from ibgu.api.bodies import PageBody
from ibgu.api.context import Context
from ibgu.api.problems import Problem
from ibgu.api.problems.schemas import problems
from ibgu.api.requests.access import CallerOfRequest
from ibgu.api.requests.guarded import AuthenticatedRoute
from ibgu.api.requests.inputs import (
    PAGE,
    ClusterPrefix,
    Cursor,
    InNamespace,
    Limit,
    Name,
    Namespace,
)
from ibgu.api.shadow.mapping import cluster_body, report_body, shadow_rollout_body
from ibgu.api.shadow.schemas import ShadowClusterBody, ShadowReportBody, ShadowRolloutBody
from ibgu.core.assurance.shadow import Report, Row, compare
from ibgu.core.text.alike import MAX_COMPARED, do_you_mean
from ibgu.core.text.natural import NaturalKey, natural_key
from ibgu.db.reads.cursor import decode, page
from ibgu.db.shadow import ShadowReads

router = APIRouter(prefix="/shadow/rollouts", tags=["shadow"], route_class=AuthenticatedRoute)


async def _reads(request: Request) -> ShadowReads:
    context: Context = request.app.state.context
    return ShadowReads(context.engine, context.hub)


ShadowReadsOfRequest = Annotated[ShadowReads, Depends(_reads)]


@router.get(
    "",
    responses=problems(401, 403, 422, 503),
    summary="List the rollouts of TALM that ibgu watched",
)
async def shadow_rollouts(
    caller: CallerOfRequest,
    reads: ShadowReadsOfRequest,
    namespace: InNamespace = None,
    limit: Limit = PAGE,
    cursor: Cursor = None,
) -> PageBody[ShadowRolloutBody]:
    """The newest first; of the namespaces in which the caller may read rollouts."""
    if namespace is not None:
        await caller.require_rollouts(namespace)
        where = [namespace]
    elif await caller.may_read_rollouts():
        where = None
    else:
        where = await caller.readable(await reads.namespaces())
    found = await reads.rollouts(namespaces=where, limit=limit, cursor=cursor)
    return PageBody(
        items=[shadow_rollout_body(rollout) for rollout in found.items], next_cursor=found.next
    )


async def _report(
    namespace: Namespace, name: Name, caller: CallerOfRequest, reads: ShadowReadsOfRequest
) -> Report:
    await caller.require_rollouts(namespace)
    rollout = await reads.rollout(namespace, name)
    if rollout is None:
        raise await _not_seen(reads, namespace, name)
    steps, runs = await reads.steps_and_runs(rollout.uid)
    return compare(rollout, steps, runs, datetime.now(UTC))


async def _not_seen(reads: ShadowReads, namespace: str, name: str) -> Problem:
    newest = await reads.rollouts(namespaces=[namespace], limit=MAX_COMPARED)
    meant = do_you_mean(name, (each.name for each in newest.items))
    watch = "; to watch TALM, run ibgu in shadow mode (`ibgu run --shadow`)"
    words = f"ibgu has not seen TALM carry out {name} in namespace {namespace}{meant or watch}"
    return Problem(404, "not-found", words)


ReportOfPath = Annotated[Report, Depends(_report)]


@router.get(
    "/{namespace}/{name}",
    responses=problems(401, 403, 404, 422, 503),
    summary="Compare TALM's rollout with what ibgu would have done",
)
async def shadow_report(report: ReportOfPath) -> ShadowReportBody:
    """Failures with cause and remedy, who waited for whom, and what a sliding window saves."""
    return report_body(report)


@router.get(
    "/{namespace}/{name}/clusters",
    responses=problems(401, 403, 404, 422, 503),
    summary="List every action of TALM on every cluster",
)
async def shadow_clusters(
    report: ReportOfPath, cluster: ClusterPrefix = "", limit: Limit = PAGE, cursor: Cursor = None
) -> PageBody[ShadowClusterBody]:
    """Clusters come in the order of steps, and within a step by name."""
    rows = [row for row in report.rows if row.run.cluster.startswith(cluster)]
    if cursor is not None:
        step, name, since = decode(cursor, tuple[int, str, datetime])
        rows = [row for row in rows if _place(row) > (step, natural_key(name), since)]
    found = page(rows[: limit + 1], limit, _key)
    now = datetime.now(UTC)
    return PageBody(items=[cluster_body(row, now) for row in found.items], next_cursor=found.next)


def _key(row: Row) -> tuple[int, str, datetime]:
    return (row.run.step, row.run.cluster, row.run.since)


def _place(row: Row) -> tuple[int, NaturalKey, datetime]:
    step, name, since = _key(row)
    return (step, natural_key(name), since)

"""Reads what is to be previewed: a manifest, or a rollout of the journal with steps to append."""

import re
from collections.abc import Mapping
from datetime import datetime, timedelta

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from ibgu.api.changes.schemas import NewStepBody
from ibgu.api.preview.schemas import ProposalBody
from ibgu.api.problems import Problem, invalid
from ibgu.api.requests.inputs import not_found
from ibgu.core.drivers import DRIVERS
from ibgu.core.engine.gates import step_deadline
from ibgu.core.engine.timing.rate_limits import rate_limits_of
from ibgu.core.model import MemberState, Outcome, Rollout, StepState, completed_late
from ibgu.core.model.kinds import JsonObject, PlanItem, RolloutObject, RolloutSpec, RolloutStrategy
from ibgu.core.plan import Started
from ibgu.core.plan.timeouts import StepTimeout, timeout_like
from ibgu.core.text.broken_manifest import broken_manifest
from ibgu.core.views.change import ChangeRefused, require_on_hub
from ibgu.core.views.preview import Proposal, RunningStep
from ibgu.db.reads import Reads
from ibgu.db.views import StepRow

_NAMESPACE = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")


class RequestedPreview(Struct, frozen=True):
    namespace: str
    name: str
    proposal: Proposal
    manifest: JsonObject | None = None
    rollout: Rollout | None = None
    labels: Mapping[str, str] = {}
    """The labels of the manifest."""
    resumed_at: datetime | None = None
    """When a person has last resumed the rollout from a spent budget: earlier failures do not
    count for it."""


def of_manifest(manifest: JsonObject) -> RequestedPreview:
    try:
        found = msgspec.json.decode(msgspec.json.encode(manifest), type=RolloutObject)
    except (msgspec.ValidationError, ValueError, RecursionError) as error:
        raise invalid("manifest", "body", broken_manifest(str(error))) from error
    driver = DRIVERS.get(str(manifest.get("kind")))
    if driver is None:
        raise invalid("manifest", "body", f"its kind is not {' or '.join(DRIVERS)}")
    meta = found.metadata
    if meta.namespace and not _NAMESPACE.fullmatch(meta.namespace):
        words = "not a valid name of a namespace"
        raise invalid("manifest.metadata.namespace", "body", words)
    rate_limits = rate_limits_of(meta.annotations)
    proposal = Proposal(driver, found.spec, annotations=meta.annotations, rate_limits=rate_limits)
    return RequestedPreview(
        meta.namespace or "default", meta.name, proposal, manifest, labels=meta.labels
    )


async def of_rollout(body: ProposalBody, reads: Reads, now: datetime) -> RequestedPreview:
    namespace, name = body.namespace or "", body.name or ""
    found = await reads.rollout(namespace, name)
    if found is None:
        raise await not_found(reads, namespace, name)
    try:
        require_on_hub(found.rollout)
    except ChangeRefused as refused:
        raise Problem(409, refused.code, str(refused)) from refused
    rollout, steps = found.rollout, await reads.steps(found.rollout.uid)
    proposal = Proposal(
        driver=DRIVERS[rollout.kind],
        spec=_appended(rollout.spec, body.append),
        begun=[_started(row) for row in steps],
        running=await _running(steps[-1], reads, now) if steps else None,
        annotations=rollout.annotations | rollout.controls,
        rate_limits=rate_limits_of(rollout.controls),
        barred=await reads.barred(rollout),
    )
    resumes = (row.step.budget_resumed_at for row in steps)
    resumed_at = max((at for at in resumes if at is not None), default=None)
    return RequestedPreview(namespace, name, proposal, rollout=rollout, resumed_at=resumed_at)


def _appended(spec: RolloutSpec, steps: list[NewStepBody]) -> RolloutSpec:
    plan = list(spec.plan)
    for step in steps:
        last = plan[-1].rollout_strategy if plan else RolloutStrategy(1)
        known = [StepTimeout(item.actions, item.rollout_strategy.timeout) for item in plan]
        strategy = RolloutStrategy(
            step.max_concurrency or last.max_concurrency,
            step.timeout or timeout_like(known, step.actions),
        )
        plan.append(PlanItem(list(step.actions), strategy))
    return replace(spec, plan=plan)


def _started(row: StepRow) -> Started:
    step = row.step
    return (step.actions, step.max_concurrency, round(step.timeout / timedelta(minutes=1)))


async def _running(row: StepRow, reads: Reads, now: datetime) -> RunningStep | None:
    step = row.step
    if step.state is StepState.FINISHED:
        return None
    ends = step_deadline(step, now) if step.started_at else now + step.timeout
    members = (await reads.grid(step.rollout, step.index)).cells
    return RunningStep(
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
    return outcome not in (None, Outcome.SUCCEEDED) and not completed_late(outcome, late)

"""Rollouts and steps."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

from ibgu.api.schemas.common import Counts, ReasonBody
from ibgu.api.schemas.rollouts import (
    CurrentStep,
    PlanItemBody,
    ReasonCount,
    RolloutBody,
    RunningAction,
    Seed,
    StepBody,
    StepProgress,
)
from ibgu.api.shape.eta import eta_body
from ibgu.core import counts
from ibgu.core.forecast import Paces, stalled
from ibgu.core.kinds import PlanItem
from ibgu.core.model import Reason, ReasonKind, Rollout, Who
from ibgu.core.status import complete, hold_of, kept_by, phase_of
from ibgu.core.words import holds, startable
from ibgu.db.views import FlightRow, ReasonRow, RolloutRow, StepRow

_FROM_ROLLOUT = (
    *("namespace", "name", "uid", "state", "generation"),
    *("created_at", "started_at", "deleted_at"),
)


def rollout_body(row: RolloutRow, paces: Paces) -> RolloutBody:
    rollout = row.rollout
    step = row.current.step if row.current else None
    seed = rollout.spec.ibu_spec.seed_image_ref
    return RolloutBody(
        **{name: getattr(rollout, name) for name in _FROM_ROLLOUT},
        completed_at=rollout.completed_at if complete(rollout, step) else None,
        phase=phase_of(rollout, step, row.counts),
        hold=reason_body(hold_of(rollout, step)),
        seed=Seed(image=seed.image, version=seed.version),
        plan=[_plan_item(item) for item in rollout.spec.plan],
        counts=counts_body(row.counts),
        current=_current(row.current) if row.current else None,
        stalled=stalled_in(row.current, paces) if row.current else 0,
        eta=eta_body(rollout, row.current, paces),
        created_by=row.actor or None,
    )


def stalled_in(row: StepRow, paces: Paces) -> int:
    return len(stalled_among(row.flights, row.now, paces))


def stalled_among(flights: Iterable[FlightRow], now: datetime, paces: Paces) -> frozenset[str]:
    """Names of clusters."""
    return frozenset(
        each.cluster for each in flights if stalled(each.action, each.began, now, paces)
    )


def _plan_item(item: PlanItem) -> PlanItemBody:
    strategy = item.rollout_strategy
    return PlanItemBody(
        actions=item.actions,
        max_concurrency=strategy.max_concurrency,
        timeout_minutes=strategy.timeout,
    )


def _current(row: StepRow) -> CurrentStep:
    step = row.step
    return CurrentStep(
        step=step.index + 1, actions=list(step.actions), counts=counts_body(row.counts)
    )


def counts_body(found: counts.Counts) -> Counts:
    return Counts.model_validate(found, from_attributes=True)


def reason_body(reason: Reason | None) -> ReasonBody | None:
    return ReasonBody.model_validate(reason, from_attributes=True) if reason else None


def step_bodies(rollout: Rollout, opened: Sequence[StepRow], paces: Paces) -> Iterator[StepBody]:
    """Those that were opened, then what else is planned."""
    for row in opened:
        yield _opened(rollout, row, paces)
    for index, item in enumerate(rollout.spec.plan):
        if index >= len(opened):
            yield _planned(index, item)


def _reasons(own: Iterable[ReasonRow], hold: Reason | None) -> list[ReasonCount]:
    found: Counter[tuple[ReasonKind, Who]] = Counter()
    for row in own:
        counted = hold if hold is not None and startable(row.state, row.kind) else row
        found[counted.kind, counted.who] += row.count
    commonest = sorted(found.items(), key=lambda item: (-item[1], item[0]))
    return [ReasonCount(kind=kind, who=who, count=count) for (kind, who), count in commonest]


def _opened(rollout: Rollout, row: StepRow, paces: Paces) -> StepBody:
    step = row.step
    kept = step.hold
    return StepBody(
        step=step.index + 1,
        actions=list(step.actions),
        state=StepProgress(step.state.value),
        hold=reason_body(kept if holds(kept) else None),
        pace=reason_body(None if holds(kept) else kept),
        max_concurrency=step.max_concurrency,
        timeout_minutes=round(step.timeout.total_seconds() / 60),
        started_at=step.started_at,
        finished_at=step.finished_at,
        counts=counts_body(row.counts),
        stalled=stalled_in(row, paces),
        eta=eta_body(rollout, row, paces),
        actions_running=_running(row),
        reasons=_reasons(row.reasons, kept_by(rollout, step)),
    )


def _running(row: StepRow) -> list[RunningAction]:
    """Who has all actions behind it and is yet to be disarmed counts for the last one."""
    actions = row.step.actions
    found = Counter(min(each.action_index, len(actions) - 1) for each in row.flights)
    return [RunningAction(action=actions[index], count=found[index]) for index in sorted(found)]


def _planned(index: int, item: PlanItem) -> StepBody:
    return StepBody(
        **_plan_item(item).model_dump(),
        step=index + 1,
        state=StepProgress.PLANNED,
        hold=None,
        pace=None,
        started_at=None,
        finished_at=None,
        counts=counts_body(counts.Counts()),
        stalled=0,
        eta=None,
        actions_running=[],
        reasons=[],
    )

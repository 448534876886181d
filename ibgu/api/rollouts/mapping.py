"""Maps rollouts and steps."""

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from ibgu.api.bodies import CountsBody, OverdueBody, ReasonBody
from ibgu.api.rollouts.eta import eta_body
from ibgu.api.rollouts.overdue import hold_overdue, late_flights, overdue_in
from ibgu.api.rollouts.schemas import (
    ApprovalBody,
    BrokenGlassBody,
    CurrentStepBody,
    PlanItemBody,
    PolicyFollowUpBody,
    ReasonCountBody,
    ReleaseBody,
    RollbackBody,
    RolloutBody,
    RunningActionBody,
    StepBody,
    StepProgress,
)
from ibgu.core.engine.gates.registry import stops_all
from ibgu.core.engine.timing.durations import DurationsByAction
from ibgu.core.model import ActingParty, Reason, ReasonKind, Rollout, RolloutState, counts
from ibgu.core.model.follow_ups import PolicyFollowUp
from ibgu.core.model.grants import Approval, BrokenGlass
from ibgu.core.model.kinds import PlanItem
from ibgu.core.text.harmless import one_line
from ibgu.core.text.held import written
from ibgu.core.views.display import startable
from ibgu.core.views.mistakes import mistakes
from ibgu.core.views.overdue import Overdue
from ibgu.core.views.policy_words import holder_of, policy_of
from ibgu.core.views.standstill import Unfinished, only_waits
from ibgu.core.views.status import Phase, complete, hold_of, kept_by, phase_of
from ibgu.db.views import ReasonRow, RolloutRow, StepRow, are_alike, soonest

_MAX_CLUSTERS = 100
"""Clusters of a follow-up that are listed."""
_NO_POLICY: dict[str, Any] = {
    **dict.fromkeys(("policy", "holder", "until", "message")),
    "approval": False,
    "alike": True,
}
"""The fields of policies, of reasons that none gives."""
_FROM_ROLLOUT = (
    *("namespace", "name", "uid", "kind", "state", "generation"),
    *("created_at", "started_at", "deleted_at"),
)


def rollout_body(row: RolloutRow, duration_stats: DurationsByAction) -> RolloutBody:
    rollout = row.rollout
    step = row.current.step if row.current else None
    release = rollout.spec.release
    phase = phase_of(rollout, step, row.counts)
    current = _current(rollout, row.current, duration_stats) if row.current else None
    waits = phase is Phase.RUNNING and row.current is not None and _only_waits(row.current)
    return RolloutBody(
        **{name: getattr(rollout, name) for name in _FROM_ROLLOUT},
        completed_at=rollout.completed_at if complete(rollout, step) else None,
        phase=phase,
        hold=hold_body(hold_of(rollout, step), row.now),
        release=ReleaseBody(image=release.image, version=release.version),
        plan=[_plan_item(item) for item in rollout.spec.plan],
        counts=counts_body(row.counts),
        current=current,
        waits_for=sorted(current.reasons, key=_for_others) if current and waits else [],
        stalled=stalled_in(row.current, duration_stats) if row.current else 0,
        warned=row.reports.warned,
        annotation_mistakes=_mistakes(rollout),
        rollback=rollback_body(row),
        eta=eta_body(rollout, row.current, duration_stats),
        created_by=row.actor or None,
        approvals=[_approval(each) for each in rollout.grants.approvals],
        broken_glass=[
            _broken_glass(each, each.until)
            for each in rollout.grants.broken_glass
            if each.until is not None and each.counts(row.now)
        ],
    )


def _only_waits(row: StepRow) -> bool:
    unfinished = (Unfinished(each.state, each.kind, each.count) for each in row.reasons)
    return only_waits(unfinished, row.step.max_concurrency)


def _for_others(reason: ReasonCountBody) -> bool:
    return reason.who is not ActingParty.PERSON


def _mistakes(rollout: Rollout) -> list[str]:
    """Returns what is wrong with the object's annotations, as the controller last saw them."""
    if rollout.state is RolloutState.DELETED:
        return []
    return [one_line(words) for words in mistakes(rollout.controls, rollout.kind)]


def _approval(found: Approval) -> ApprovalBody:
    return ApprovalBody(
        name=found.name,
        user=one_line(found.user),
        step=found.step + 1,
        before=one_line(found.before),
        comment=one_line(found.comment),
        until=found.until,
        refused=one_line(found.refused),
    )


def _broken_glass(found: BrokenGlass, until: datetime) -> BrokenGlassBody:
    return BrokenGlassBody(
        name=found.name,
        user=one_line(found.user),
        gates=[one_line(gate) for gate in found.gates],
        reason=one_line(found.reason),
        until=until,
    )


def rollback_body(row: RolloutRow) -> RollbackBody | None:
    """Returns the way back. What becomes of clusters of a deleted rollout is not followed."""
    until = row.reports.rollback_until
    if until is None or row.rollout.state is RolloutState.DELETED:
        return None
    return RollbackBody(clusters=row.reports.rollback, until=until)


def stalled_in(row: StepRow, duration_stats: DurationsByAction) -> int:
    return len(late_flights(row, duration_stats).stalled)


def _plan_item(item: PlanItem) -> PlanItemBody:
    strategy = item.rollout_strategy
    return PlanItemBody(
        actions=item.actions,
        max_concurrency=strategy.max_concurrency,
        timeout_minutes=strategy.timeout,
    )


def _current(rollout: Rollout, row: StepRow, duration_stats: DurationsByAction) -> CurrentStepBody:
    step = row.step
    return CurrentStepBody(
        step=step.index + 1,
        actions=list(step.actions),
        counts=counts_body(row.counts),
        reasons=_reasons(row, kept_by(rollout, step), duration_stats),
    )


def counts_body(found: counts.Counts) -> CountsBody:
    return CountsBody.model_validate(found, from_attributes=True)


def reason_body(reason: Reason, late: Overdue | None) -> ReasonBody:
    return ReasonBody(
        kind=reason.kind,
        since=reason.since,
        until=reason.until,
        who=ActingParty.PERSON if late else reason.who,
        message=reason.message,
        overdue=OverdueBody.model_validate(late, from_attributes=True) if late else None,
        policy=policy_of(reason.gate) or None,
    )


def hold_body(hold: Reason | None, now: datetime) -> ReasonBody | None:
    """Returns the hold of a rollout or step; its usual duration is not measured."""
    return reason_body(hold, hold_overdue(hold, now)) if hold else None


def step_bodies(
    rollout: Rollout, opened: Sequence[StepRow], duration_stats: DurationsByAction
) -> Iterator[StepBody]:
    """Returns the steps that were opened, then those that are planned."""
    for row in opened:
        yield _opened(rollout, row, duration_stats)
    for index, item in enumerate(rollout.spec.plan):
        if index >= len(opened):
            yield _planned(index, item)


class _ReasonKey(NamedTuple):
    """_ReasonKey is what members have in common that are counted together."""

    kind: ReasonKind
    who: ActingParty
    gate: str


def _reasons(
    row: StepRow, hold: Reason | None, duration_stats: DurationsByAction
) -> list[ReasonCountBody]:
    found: Counter[_ReasonKey] = Counter()
    late: Counter[_ReasonKey] = Counter()
    policy_rows: dict[_ReasonKey, list[ReasonRow]] = {}
    held_late = hold_overdue(hold, row.now) is not None
    for own in row.reasons:
        held = hold if hold is not None and startable(own.state, own.kind) else None
        key = _ReasonKey(*((held.kind, held.who, "") if held else (own.kind, own.who, own.gate)))
        found[key] += own.count
        late[key] += own.count * held_late if held else overdue_in(row, own, duration_stats)
        if key.gate:
            policy_rows.setdefault(key, []).append(own)
    commonest = sorted(found.items(), key=lambda item: (-item[1], item[0]))
    return [
        ReasonCountBody(
            kind=key.kind,
            who=key.who,
            count=count,
            overdue=late[key],
            **_policy_fields(policy_rows.get(key)),
        )
        for key, count in commonest
    ]


def _policy_fields(rows: Sequence[ReasonRow] | None) -> dict[str, Any]:
    """Returns what a policy says of the members that it keeps, waiting and in flight."""
    if rows is None:
        return _NO_POLICY
    first = soonest(rows)
    return {
        "policy": policy_of(first.gate) or None,
        "holder": holder_of(first.gate) or None,
        "until": first.until,
        "approval": any(each.approvals for each in rows),
        "message": written(first.message),
        "alike": are_alike(rows),
    }


def _opened(rollout: Rollout, row: StepRow, duration_stats: DurationsByAction) -> StepBody:
    step = row.step
    hold = step.hold
    return StepBody(
        step=step.index + 1,
        actions=list(step.actions),
        state=StepProgress(step.state.value),
        hold=hold_body(hold if stops_all(hold) else None, row.now),
        rate_limit=hold_body(None if stops_all(hold) else hold, row.now),
        max_concurrency=step.max_concurrency,
        timeout_minutes=round(step.timeout.total_seconds() / 60),
        started_at=step.started_at,
        finished_at=step.finished_at,
        counts=counts_body(row.counts),
        stalled=stalled_in(row, duration_stats),
        eta=eta_body(rollout, row, duration_stats),
        actions_running=_running(row),
        reasons=_reasons(row, kept_by(rollout, step), duration_stats),
        follow_ups=[_follow_up(each) for each in step.follow_ups.made],
    )


def _follow_up(each: PolicyFollowUp) -> PolicyFollowUpBody:
    return PolicyFollowUpBody(
        policy=each.policy,
        action=each.action,
        clusters=list(each.clusters[:_MAX_CLUSTERS]),
        total=len(each.clusters),
        attempt=each.attempt,
        due=each.due,
        name=each.name or None,
        refused=each.refused or None,
        message=each.words,
    )


def _running(row: StepRow) -> list[RunningActionBody]:
    """Returns the running actions; a member that only has to be disarmed counts for its last
    one."""
    actions = row.step.actions
    found = Counter(min(each.action_index, len(actions) - 1) for each in row.flights)
    return [RunningActionBody(action=actions[index], count=found[index]) for index in sorted(found)]


def _planned(index: int, item: PlanItem) -> StepBody:
    return StepBody(
        **_plan_item(item).model_dump(),
        step=index + 1,
        state=StepProgress.PLANNED,
        hold=None,
        rate_limit=None,
        started_at=None,
        finished_at=None,
        counts=counts_body(counts.Counts()),
        stalled=0,
        eta=None,
        actions_running=[],
        reasons=[],
        follow_ups=[],
    )

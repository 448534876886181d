"""Rolls broken canaries back where a policy says so, by a second rollout (R50.19)."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from msgspec.structs import replace

from ibgu.core.engine.decide import lifecycle
from ibgu.core.engine.decide.context import DecisionContext
from ibgu.core.engine.decide.step.follow_ups import (
    LABELS_CHANGED,
    by_hand,
    name_of,
    note_follow_up,
    taken_by,
    unselectable,
)
from ibgu.core.engine.state import TrackedStep
from ibgu.core.engine.state.broken_canaries import CanaryReport
from ibgu.core.engine.state.canaries import PolicyCanaries
from ibgu.core.engine.state.health_observations import VALID
from ibgu.core.model import ActionName, Kind, StepState, table_of, traits
from ibgu.core.model.follow_ups import PolicyFollowUp, WellCanary

MAX_CANARIES = 100
"""The most canaries of one step that ibgu looks after, and may lead back by itself: the journal has
each of them."""
_LOOK_AGAIN = timedelta(seconds=30)


def decide_rollbacks(ctx: DecisionContext) -> None:
    """Looks at the canaries behind which others wait. Nothing is asked for while a person, a
    restore or TALM holds the rollout, and no time in which nobody looks counts as broken."""
    step = ctx.tracked.current
    if step is None:
        return
    runs = step.step.state is StepState.RUNNING and step.not_started > 0
    held = ctx.rollout.deleted_at is not None or ctx.rollout.hold is not None or ctx.talm_hold
    if held or not runs:
        for canaries in ctx.snapshot.canaries:
            canaries.broken.forget(step.step.key)
        return
    for canaries in ctx.snapshot.canaries:
        after = canaries.rollback_after
        if after is not None and canaries.concern(step):
            _look_after(ctx, step, canaries, after)


def _look_after(
    ctx: DecisionContext, step: TrackedStep, canaries: PolicyCanaries, after: timedelta
) -> None:
    due: list[CanaryReport] = []
    reports = list(canaries.reports(step, ctx.now))
    canaries.broken.forget(step.step.key, besides={each.member.uid for each in reports})
    for report in reports:
        uid, known = report.member.uid, step.step.follow_ups
        if uid in known.uids or _upgrade(report) is None:
            continue
        since = ctx.facts.in_sync_since
        broken = canaries.broken.broken_for(step.step.key, report, since, ctx.now)
        canary = WellCanary(canaries.policy, uid)
        if report.well and canary not in known.well:
            if len(known.well) >= MAX_CANARIES:
                continue
            words = f"the canary {report.cluster.name} is well since its {_upgrade(report)}"
            well = replace(known, well=(*known.well, canary))
            ctx.on_step(Kind.CANARY_WELL, lifecycle.follow_up(step.step, well), words)
        elif broken is not None and canary in known.well:
            if broken >= after and uid not in ctx.fleet.pending_patches:
                due.append(report)
            else:
                ctx.requeue_at("", _look_again(report, after - broken, ctx.now))
    if due:
        _ask_for_rollback(ctx, step, canaries, due)


def _look_again(report: CanaryReport, left: timedelta, now: datetime) -> datetime:
    """Returns when to look at a broken canary again: once the policy's time is over, and before
    that often enough to see a silence."""
    if report.as_of is not None:
        left = min(left, report.as_of + VALID - now)
    return now + max(left, _LOOK_AGAIN)


def _ask_for_rollback(
    ctx: DecisionContext,
    step: TrackedStep,
    canaries: PolicyCanaries,
    due: Sequence[CanaryReport],
) -> None:
    judged = [(each, _problem(ctx, each)) for each in due]
    fit = [each for each, problem in judged if not problem]
    for found in _asked(ctx, step, canaries, judged, fit):
        note_follow_up(ctx, step, found)


def _asked(
    ctx: DecisionContext,
    step: TrackedStep,
    canaries: PolicyCanaries,
    judged: Sequence[tuple[CanaryReport, str]],
    fit: Sequence[CanaryReport],
) -> Iterator[PolicyFollowUp]:
    """Yields one follow-up for all clusters that can be rolled back, and one for each other, which
    a person has to look after."""
    # A kind of change without a way back leaves this to a person: every cluster has a problem.
    action = table_of(step.step.first).rollback or step.step.first

    def asked(reports: Sequence[CanaryReport]) -> PolicyFollowUp:
        first = reports[0]
        name, more = first.cluster.name, len(reports) - 1
        others = f"; {more} more broke, too" if more else ""
        return PolicyFollowUp(
            policy=canaries.policy,
            action=action,
            clusters=tuple(each.cluster.name for each in reports),
            uids=tuple(each.member.uid for each in reports),
            why=f"{name} was well after its {_upgrade(first)} and is not: {first.broken}{others}",
            decided_at=ctx.now,
        )

    if fit:
        found = asked(fit)
        yield replace(found, name=name_of(ctx, step, found))
    for report, problem in judged:
        if problem:
            found = asked([report])
            yield replace(found, refused=f"{problem}; {by_hand(ctx, found)}")


def _problem(ctx: DecisionContext, report: CanaryReport) -> str:
    """Returns why ibgu can't roll the cluster back; empty: it can."""
    member, cluster, table = report.member, report.cluster, table_of(_upgrade(report) or "")
    if table.no_follow_ups or table.rollback is None:
        return table.no_follow_ups or "there is no way back from it"
    if any(traits(done.action).clears_labels for done in member.completed):
        return "it is finalized, so the release from before is gone"
    if member.rollback_until is None or ctx.now >= member.rollback_until:
        return "it does not report that it can still be rolled back"
    upgraded, back = traits(_upgrade(report) or ""), traits(table.rollback)
    if upgraded.completed_label not in cluster.labels or back.completed_label in cluster.labels:
        return LABELS_CHANGED
    other = taken_by(ctx, cluster)
    if other is not None:
        return f"it is in {ctx.named(other.full_name)} now"
    return unselectable(ctx, cluster)


def _upgrade(report: CanaryReport) -> ActionName | None:
    """Returns the action of this step by which the rollout itself has taken the cluster to another
    release; None: there is none."""
    for done in report.member.completed:
        if traits(done.action).upgrades and not done.note:
            return done.action
    return None

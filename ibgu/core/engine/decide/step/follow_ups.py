"""Rolls broken canaries back where a policy says so, by a second rollout (R50.19).

What is decided here is journaled first. The controller makes the new object afterwards, under a
name that follows from the clusters: one that was made before a crash is found again.
"""

import re
from collections.abc import Iterator, Sequence
from datetime import timedelta

from msgspec.structs import replace

from ibgu.core.engine.decide import lifecycle
from ibgu.core.engine.decide.context import DecisionContext
from ibgu.core.engine.decide.gated import hold_step
from ibgu.core.engine.gates import held_by_budget, spent_budget
from ibgu.core.engine.state import TrackedStep
from ibgu.core.engine.state.broken_canaries import CanaryReport
from ibgu.core.engine.state.canaries import PolicyCanaries
from ibgu.core.model import ActionName, ClusterView, Kind, Rollout, StepState, table_of, traits
from ibgu.core.model.follow_ups import PolicyFollowUp, name_digest
from ibgu.core.model.names import NAME_LABEL
from ibgu.core.text.spans import duration

MAX_CANARIES = 100
"""The most canaries of one step that ibgu looks after, and may lead back by itself: the journal has
each of them."""
MAKE_WITHIN = timedelta(minutes=10)
"""A new rollout that could not be made for longer is not made any more: why it was to be made may
no longer hold."""
LABELS_CHANGED = "its labels have changed since"
_SHOWN = 3
"""The clusters that a command line names."""
_LOOK_AGAIN = timedelta(seconds=30)
_BASE = 200
"""Characters of the old name that the new one keeps."""
_ATTEMPT = re.compile(r"-retry-[0-9a-f]{8}$")


def decide_follow_ups(ctx: DecisionContext) -> None:
    """Notes what became of earlier follow-ups; then looks at the canaries behind which others
    wait. Nothing new is asked for while a person, a restore or TALM holds the rollout."""
    for tracked in ctx.tracked.steps:
        if any(each.name and each.made_at is None for each in tracked.step.follow_ups.made):
            _follow(ctx, tracked)
    step = ctx.tracked.current
    if step is None or step.step.state is not StepState.RUNNING or not step.not_started:
        return
    if ctx.rollout.deleted_at is not None or ctx.rollout.hold is not None or ctx.facts.talm_hold:
        return
    for canaries in ctx.snapshot.canaries:
        after = canaries.rollback_after
        if after is not None and canaries.concern(step):
            _look_after(ctx, step, canaries, after)


def _follow(ctx: DecisionContext, tracked: TrackedStep) -> None:
    for old in tracked.step.follow_ups.made:
        new = _followed(ctx, old)
        if new != old:
            note_follow_up(ctx, tracked, new, instead_of=old)


def _followed(ctx: DecisionContext, each: PolicyFollowUp) -> PolicyFollowUp:
    """Returns the follow-up as the hub shows it. One that was given up may have been made after
    all."""
    if not each.name or each.made_at is not None:
        return each
    shown = ctx.snapshot.follow_up(each.name)
    if shown.ours:
        return replace(each, made_at=ctx.now, refused="")
    if each.refused:
        return each
    until = each.decided_at + MAKE_WITHIN
    if shown.problem or ctx.now >= until:
        late = f"the hub did not have it within {duration(MAKE_WITHIN)}"
        return replace(each, refused=f"{shown.problem or late}; {by_hand(ctx, each)}")
    ctx.requeue_at("", until)
    return each


def _look_after(
    ctx: DecisionContext, step: TrackedStep, canaries: PolicyCanaries, after: timedelta
) -> None:
    due: list[CanaryReport] = []
    for report in canaries.reports(step, ctx.now):
        uid, known = report.member.uid, step.step.follow_ups
        if uid in known.uids or _upgrade(report) is None:
            continue
        since = ctx.facts.in_sync_since
        broken = canaries.broken.broken_for(step.step.key, report, since, ctx.now)
        if report.well and uid not in known.well:
            if len(known.well) >= MAX_CANARIES:
                continue
            words = f"the canary {report.cluster.name} is well since its {_upgrade(report)}"
            well = replace(known, well=(*known.well, uid))
            ctx.on_step(Kind.CANARY_WELL, lifecycle.follow_up(step.step, well), words)
        elif broken is not None and uid in known.well:
            if broken >= after and uid not in ctx.fleet.pending_patches:
                due.append(report)
            else:
                ctx.requeue_at("", ctx.now + max(after - broken, _LOOK_AGAIN))
    if due:
        _ask_for_rollback(ctx, step, canaries, due)


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


def taken_by(ctx: DecisionContext, cluster: ClusterView) -> Rollout | None:
    """Returns the other rollout that has the cluster, or is newer and has or had it."""
    fleet = ctx.fleet
    holder, uids = fleet.claims.get(cluster.uid), fleet.rollouts_of.get(cluster.name, ())
    for each in (fleet.rollouts[uid].rollout for uid in sorted(uids)):
        if each.age > ctx.rollout.age or (holder is not None and holder.rollout == each.uid):
            return each
    return None


def unselectable(ctx: DecisionContext, cluster: ClusterView) -> str:
    """Returns why ibgu can't make a new rollout for the cluster; empty: it can."""
    fleet = ctx.fleet
    if any(cluster.name in each.clusters for each in fleet.unreadable.values()):
        return "a rollout that ibgu can't read has it"
    if cluster.labels.get(NAME_LABEL) != cluster.name:
        return f"its ManagedCluster lacks the label {NAME_LABEL} with its name"
    return ""


def note_follow_up(
    ctx: DecisionContext,
    tracked: TrackedStep,
    new: PolicyFollowUp,
    *,
    instead_of: PolicyFollowUp | None = None,
) -> None:
    """Notes the follow-up, in place of another one or as a further one; a step that it holds
    already says the same."""
    known = tracked.step.follow_ups
    made = tuple(new if each == instead_of else each for each in known.made)
    if instead_of not in known.made:
        made = (*known.made, new)
    changed = lifecycle.follow_up(tracked.step, replace(known, made=made))
    words = new.words if new.made_at is None else f"{new.name} is created: {new.words}"
    asks = new.refused != "" or (new.made_at is None and not new.attempt)
    for_person = asks and not new.superseded
    ctx.on_step(Kind.FOLLOW_UP, changed, words, warning=for_person)
    hold = held_by_budget(tracked)
    said = spent_budget(ctx.snapshot, tracked, ctx.now) if hold is not None else None
    if hold is not None and said is not None and said.message != hold.message:
        hold_step(ctx, tracked, replace(said, since=hold.since))


def _upgrade(report: CanaryReport) -> ActionName | None:
    """Returns the action of this step by which the rollout itself has taken the cluster to another
    release; None: there is none."""
    for done in report.member.completed:
        if traits(done.action).upgrades and not done.note:
            return done.action
    return None


def by_hand(ctx: DecisionContext, each: PolicyFollowUp) -> str:
    shown = " ".join(each.clusters[:_SHOWN])
    more = " ..." if len(each.clusters) > _SHOWN else ""
    rollout, command = ctx.rollout, _command(each)
    return f"do it by hand: ibgu {command} -n {rollout.namespace} {rollout.name} {shown}{more}"


def name_of(ctx: DecisionContext, step: TrackedStep, each: PolicyFollowUp) -> str:
    """Returns the name of the new rollout, which nobody can know before. The attempts at a cluster
    have one stem."""
    digest = name_digest(ctx.rollout.uid, step.step.index, each.uids, each.decided_at)
    stem = _ATTEMPT.sub("", ctx.rollout.name) if each.attempt > 1 else ctx.rollout.name
    return f"{stem[:_BASE].rstrip('.-')}-{_command(each)}-{digest}"


def _command(each: PolicyFollowUp) -> str:
    return "retry" if each.attempt else each.action.lower()

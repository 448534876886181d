"""Decides on members without a claim: what keeps them, what a probe shows (R2, R6, R8, R12)."""

from collections.abc import Sequence

from ibgu.core.engine.decide.context import DecisionContext
from ibgu.core.engine.decide.gated import closed_gate, kept_before_next
from ibgu.core.engine.decide.member.arming import may_reboot, talm_work
from ibgu.core.engine.decide.member.elsewhere import note_unread, unsettled
from ibgu.core.engine.decide.member.ending import finish, repeat_action, skip_action
from ibgu.core.engine.decide.member.probing import (
    fail_in_wrong_state,
    known_state,
    probe_again,
    unanswered,
)
from ibgu.core.engine.decide.prerequisites import may_repeat
from ibgu.core.engine.driver import JudgementKind
from ibgu.core.engine.gates import GATE_REASONS, MEMBER_GATES, Gate
from ibgu.core.engine.state import Holder
from ibgu.core.engine.timing.times import PROBE_RETRY, SETTLE
from ibgu.core.model import (
    ActingParty,
    Cause,
    ClusterView,
    Kind,
    Observation,
    Outcome,
    Probe,
    Reason,
    ReasonKind,
    RolloutState,
    RunResult,
    Waiting,
    traits,
    transitions,
)
from ibgu.core.model.claims import cancelled_by, takes_over_from, works_on


def decide_waiting(ctx: DecisionContext, member: Waiting) -> None:
    """Decides what a waiting member's reason is now: what blocks it, what its probe has shown, or
    that it is ready. A slot is not given here (`starting`)."""
    seen = ctx.observe(member.cluster)
    if _stands_still(ctx, member, seen):
        return
    cluster = _finish_if_obsolete(ctx, member, seen.cluster)
    if cluster is None or _block_if_needed(ctx, member, cluster, seen):
        return
    if _withdrawn_run_came_back(member, seen):
        ctx.set_reason(
            member, ReasonKind.REOPENING, "the cluster accepted the withdrawn run after all"
        )
    elif _block_if_gated(ctx, member, ctx.snapshot.policies, seen):
        return
    elif (probe := member.probe) is not None:
        _apply_answer(ctx, member, probe, cluster, seen)
    elif feedback_suffices(ctx, member, seen):
        _ready(ctx, member)
    else:
        ctx.set_reason(member, ReasonKind.SLOT, "waits for a slot")


def _stands_still(ctx: DecisionContext, member: Waiting, seen: Observation) -> bool:
    """Whether nothing may be decided on the member after a restore, or because objects of its
    cluster can't be read."""
    if hold := ctx.rollout.restored_hold:
        return _block(ctx, member, hold.kind, hold.message, hold.who)
    if seen.unread and ctx.rollout.deleted_at is None:
        note_unread(ctx, _drop_probe(ctx, member))
        return True
    return False


def _ready(ctx: DecisionContext, member: Waiting) -> None:
    """Marks the member ready; one that jitter puts off stays so until a slot reaches it again."""
    ctx.step(member).silent.discard(member.cluster)
    if member.reason.kind is not ReasonKind.START_JITTER:
        ctx.set_reason(member, ReasonKind.READY, "ready, waits for a slot")


def feedback_suffices(ctx: DecisionContext, member: Waiting, seen: Observation) -> bool:
    """Whether the work's own feedback replaces the probe: in later steps, if no one else acts there
    (R8.4), and the work was not for another ManagedCluster of the name."""
    work, known = seen.stage, seen.current_feedback
    if member.step == 0 or ctx.fleet.shares(member.cluster) or work is None or known is None:
        return False
    earlier = (step.members.get(member.cluster) for step in ctx.tracked.steps)
    if any(each is not None and each.uid != member.uid for each in earlier):
        return False
    found = ctx.startability(member, known)
    return known.run == work.run and found.kind is JudgementKind.STARTABLE


def _finish_if_obsolete(
    ctx: DecisionContext, member: Waiting, cluster: ClusterView | None
) -> ClusterView | None:
    """Finishes the member if it will never start, and returns None; otherwise returns its
    cluster."""
    canceller = ctx.canceller(member)
    if ctx.rollout.state is RolloutState.DELETED:
        _end(ctx, member, Outcome.CANCELLED, Cause.DELETED, "the rollout was deleted")
    elif cluster is None:
        _end(ctx, member, Outcome.FAILED, Cause.GONE, "the ManagedCluster was deleted")
    elif cluster.uid != member.uid:
        _end(ctx, member, Outcome.FAILED, Cause.RECREATED, "the ManagedCluster was re-created")
    elif canceller:
        _end(ctx, member, Outcome.CANCELLED, Cause.CANCELLED, cancelled_by(canceller))
    else:
        return cluster
    return None


def _end(
    ctx: DecisionContext, member: Waiting, outcome: Outcome, cause: Cause | None, message: str
) -> None:
    action = ctx.action(member)
    finish(ctx, member, outcome, cause=cause, message=message, failed_action=action)


def _block_if_needed(
    ctx: DecisionContext, member: Waiting, cluster: ClusterView, seen: Observation
) -> bool:
    """Records what keeps the member from being probed, and drops an old probe; returns whether
    anything does."""
    if _block_if_held(ctx, member, seen):
        return True
    if cluster.deleting:
        return _block(ctx, member, ReasonKind.UNREACHABLE, "the ManagedCluster is being deleted")
    if seen.stage is not None and seen.stage.terminating:
        words = f"waits until the old ManifestWork {seen.stage.name} is gone"
        return _block(ctx, member, ReasonKind.TERMINATING, words)
    if seen.talm:
        return _block(ctx, member, ReasonKind.TALM_WORK, talm_work(seen), ActingParty.PERSON)
    if _block_if_claimed(ctx, member):
        return True
    if not cluster.reachable:
        return _block_unreachable(ctx, member)
    return False


def _block_if_held(ctx: DecisionContext, member: Waiting, seen: Observation) -> bool:
    """Records what keeps new starts, of the rollout or of the member alone. What the cluster took
    after all is no new start (R9.5)."""
    hold, goes_on = ctx.rollout.hold, _withdrawn_run_came_back(member, seen)
    if hold is not None and not (goes_on and GATE_REASONS[hold.kind].new_starts_only):
        return _block(ctx, member, hold.kind, hold.message, hold.who)
    return not goes_on and (
        _block_if_gated(ctx, member, MEMBER_GATES, seen) or _block_inside_chain(ctx, member, seen)
    )


def _block_if_gated(
    ctx: DecisionContext, member: Waiting, gates: Sequence[Gate], seen: Observation
) -> bool:
    """Records a gate that is closed for this member alone; returns whether one is. Those behind it
    may overtake it."""
    reason = closed_gate(ctx, member, gates, seen) if gates else None
    if reason is None:
        return False
    _note_lost_place(ctx, member, reason)
    if reason.who is not ActingParty.CLUSTER:
        member = _drop_probe(ctx, member)
    ctx.note_reason(member, reason)
    return True


def _block_inside_chain(ctx: DecisionContext, member: Waiting, seen: Observation) -> bool:
    """Records a closed gate that guards the action before which the member has lost its slot: the
    gates of the step are asked about its first action alone."""
    reason = kept_before_next(ctx, member, seen) if member.action_index else None
    if reason is None:
        return False
    ctx.note_reason(_drop_probe(ctx, member), reason)
    return True


def _note_lost_place(ctx: DecisionContext, member: Waiting, closed: Reason) -> None:
    """Notes what a member loses its place by, so that it does not lose the next one, too: its
    jitter counts from when it could have started first, and others go before it if it does not
    answer."""
    step = ctx.step(member)
    if closed.who is not ActingParty.CLUSTER:
        step.put_off.pop(member.cluster, None)
    elif member.reason.kind is ReasonKind.START_JITTER:
        step.put_off.setdefault(member.cluster, member.reason.since)
    elif member.reason.kind is ReasonKind.NO_ANSWER:
        step.silent.add(member.cluster)


def _block_unreachable(ctx: DecisionContext, member: Waiting) -> bool:
    """Blocks an unreachable member. One that became unreachable right after an Upgrade was sent to
    it may be upgrading (R12.1)."""
    run = member.run
    sent = run is not None and run.result is RunResult.WITHDRAWN and run.armed_at is not None
    if run is not None and sent and traits(run.action).reboots:
        return _block(ctx, member, ReasonKind.REBOOTING, may_reboot(run))
    return _block(ctx, member, ReasonKind.UNREACHABLE, "the cluster is not reachable")


def _block(
    ctx: DecisionContext,
    member: Waiting,
    kind: ReasonKind,
    message: str,
    who: ActingParty = ActingParty.CLUSTER,
) -> bool:
    ctx.set_reason(_drop_probe(ctx, member), kind, message, who=who)
    return True


def _drop_probe(ctx: DecisionContext, member: Waiting) -> Waiting:
    if member.probe is None:
        return member
    without = transitions.drop_probe(member)
    return ctx.on_member(Kind.PROBED, without, "the probe is no longer valid")


def _block_if_claimed(ctx: DecisionContext, member: Waiting) -> bool:
    holder = ctx.fleet.claims.get(member.uid)
    if holder is None or holder.rollout == member.rollout:
        words = unsettled(ctx, member)
        return bool(words) and _block(ctx, member, ReasonKind.CLAIM, words, ActingParty.IBGU)
    if (unreadable := ctx.fleet.unreadable.get(holder.rollout)) is not None:
        words = f"{works_on(ctx.named(unreadable.full_name))}, and its records can't be read"
        return _block(ctx, member, ReasonKind.CLAIM, words, ActingParty.PERSON)
    other = ctx.fleet.rollouts[holder.rollout].rollout
    if other.quarantined:
        # It answers no request to yield: to wait for that would keep a slot from the others.
        ctx.requeue_at(member.cluster, ctx.now + SETTLE)
        words = f"{works_on(ctx.named(other.full_name))}, which an internal error of ibgu holds"
        return _block(ctx, member, ReasonKind.CLAIM, words, ActingParty.PERSON)
    if _may_preempt(ctx, member, holder):
        words = takes_over_from(ctx.named(other.full_name))
        return _block(ctx, member, ReasonKind.PREEMPTING, words, ActingParty.IBGU)
    words = works_on(ctx.named(other.full_name))
    return _block(ctx, member, ReasonKind.CLAIM, words, ActingParty.IBGU)


def _may_preempt(ctx: DecisionContext, member: Waiting, holder: Holder) -> bool:
    """Whether the member may preempt the holder: older rollouts of the kind yield, unless their
    step cancels too; then the first to claim wins (R6.5, R6.8)."""
    mine, tracked = ctx.step(member).step, ctx.fleet.rollouts[holder.rollout]
    other = tracked.rollout
    allowed = mine.across_namespaces or other.namespace == ctx.rollout.namespace
    yields = (
        other.kind == ctx.rollout.kind
        and other.age < ctx.rollout.age
        and not traits(tracked.steps[holder.step].step.first).cancels
    )
    return traits(mine.first).cancels and allowed and yields


def _withdrawn_run_came_back(member: Waiting, seen: Observation) -> bool:
    """Whether the cluster took the withdrawn run. In another stage by now, someone has taken it
    over (R9.5, R9.6)."""
    run, known = member.run, seen.current_feedback
    if run is None or known is None or run.result is not RunResult.WITHDRAWN:
        return False
    return run.arming_at is not None and known.run == run.id


def _apply_answer(
    ctx: DecisionContext, member: Waiting, probe: Probe, cluster: ClusterView, seen: Observation
) -> None:
    feedback = known_state(probe, seen)
    if feedback is None:
        unanswered(ctx, member, probe, seen)
        return
    action = ctx.action(member)
    found = ctx.startability(member, feedback)
    if found.kind is JudgementKind.STARTABLE:
        _ready(ctx, member)
    elif found.kind is JudgementKind.BUSY:
        member = ctx.set_reason(member, ReasonKind.BUSY, found.message, who=ActingParty.CLUSTER)
        probe_again(ctx, member, probe, PROBE_RETRY)
    elif found.kind is JudgementKind.REACHED:
        member = skip_action(ctx, member, cluster, action, found.note)
        _reached(ctx, member, probe, cluster, seen)
    elif found.outdated and may_repeat(member, found.outdated):
        repeat_action(ctx, member, found.message)
    else:
        fail_in_wrong_state(ctx, member, probe, found.cause, found.message)


def _reached(
    ctx: DecisionContext, member: Waiting, probe: Probe, cluster: ClusterView, seen: Observation
) -> None:
    if member.action_index == len(ctx.step(member).step.actions):
        finish(ctx, member, Outcome.SUCCEEDED)
    elif not _block_if_gated(ctx, member, ctx.snapshot.policies, seen):
        _apply_answer(ctx, member, probe, cluster, seen)

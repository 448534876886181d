"""Finds why nothing can be decided on a cluster yet, whatever its own rollout asks for: what other
rollouts have left unsettled there (R6.9), and objects that can't be read."""

from ibgu.core.engine.decide.context import DecisionContext
from ibgu.core.engine.state import TrackedRollout
from ibgu.core.engine.timing.times import DELETED_WATCH, SETTLE, UNREAD_INTERVAL
from ibgu.core.model import (
    ActingParty,
    Ended,
    Finished,
    Member,
    ReasonKind,
    RunResult,
    Waiting,
    traits,
)
from ibgu.core.model.claims import works_on

_UNREAD = (
    "ibgu can't read objects of the cluster on the hub, so nothing is decided on it; correct or "
    "delete those that its log names as malformed"
)


def unsettled(ctx: DecisionContext, member: Waiting) -> str:
    """Returns why the member's cluster must still wait for another rollout; empty: for none."""
    for uid in sorted(ctx.fleet.rollouts_of[member.cluster]):
        other = ctx.fleet.rollouts.get(uid)
        if other is None or uid == member.rollout:
            continue
        if words := _has_pauses(ctx, member, other) or _may_go_on(ctx, member, other):
            return f"{works_on(ctx.named(other.rollout.full_name))}: {words}"
    return ""


def _has_pauses(ctx: DecisionContext, member: Waiting, other: TrackedRollout) -> str:
    """Returns that parts of the cluster are paused for the other rollout. A step that takes the
    other's clusters over asks for none of them."""
    if not other.paused(member.cluster):
        return ""
    mine, alike = ctx.rollout, other.rollout.kind == ctx.rollout.kind
    cancels = traits(ctx.step(member).step.first).cancels
    if cancels and alike and other.rollout.age < mine.age:
        return ""
    return "parts of it are paused for that rollout, which resumes them"


def _may_go_on(ctx: DecisionContext, member: Waiting, other: TrackedRollout) -> str:
    """Returns that an action of another kind, which ended for ibgu, may go on in the cluster,
    whatever step it was in. One of the member's own kind shows in what its driver reads."""
    if other.rollout.kind == ctx.rollout.kind:
        return ""
    found = (step.members.get(member.cluster) for step in other.steps)
    for left in found:
        if left is not None and left.uid == member.uid and (words := _going_on(ctx, left, other)):
            return words
    return ""


def _going_on(ctx: DecisionContext, left: Member, other: TrackedRollout) -> str:
    """Returns what the other rollout's member may have left going on; empty: nothing."""
    run = left.run
    if not isinstance(run, Ended) or not traits(run.action).reboots:
        return ""
    watched = isinstance(left, Finished) and left.watched
    withdrawn = run.result is RunResult.WITHDRAWN and (watched or isinstance(left, Waiting))
    until = (left.ended_at or run.ended_at) + DELETED_WATCH
    goes_on = _may_be_taken(ctx, left, run, other) if withdrawn else watched
    if not goes_on or ctx.now >= until:
        return ""
    ctx.requeue_at(left.cluster, until)
    return f"its {run.action} may still go on there"


def _may_be_taken(ctx: DecisionContext, left: Member, run: Ended, other: TrackedRollout) -> bool:
    """Whether the cluster may have taken the run, which was withdrawn while it could not be
    reached: its work has not shown since that it has not."""
    seen = ctx.snapshot.observe_for(other.rollout, left.cluster)
    known = seen.current_feedback
    reachable = seen.cluster is not None and seen.cluster.reachable
    refuted = reachable and known is not None and known.run != run.id
    may = run.arming_at is not None and not refuted
    if may:
        ctx.requeue_at(left.cluster, ctx.now + SETTLE)
    return may


def note_unread(ctx: DecisionContext, member: Member) -> None:
    """Notes that objects of the cluster can't be read: what they show may be there, or be gone."""
    if isinstance(member, Finished):
        return
    ctx.set_reason(member, ReasonKind.MALFORMED, _UNREAD, who=ActingParty.PERSON)
    ctx.requeue_at(member.cluster, ctx.now + UNREAD_INTERVAL)

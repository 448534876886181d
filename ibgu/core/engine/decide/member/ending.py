"""Ends runs, and finishes their members (R5, R9, R10, R13)."""

from datetime import datetime

from ibgu.core.engine.decide.context import DecisionContext
from ibgu.core.engine.decide.member.patches import (
    MetadataChanges,
    auto_import_off,
    auto_import_on,
    enqueue,
    enqueue_outcome,
    failure_labels,
    labels_with_pending,
    release_auto_import,
    success_labels,
)
from ibgu.core.engine.works.evidence import open_until
from ibgu.core.model import (
    Accepted,
    ActionName,
    Cause,
    ClusterView,
    CompletedAction,
    Ended,
    Finished,
    InFlight,
    Kind,
    Member,
    OpenRun,
    Outcome,
    Run,
    RunResult,
    Unfinished,
    Waiting,
    traits,
    transitions,
)
from ibgu.core.model.actions import whole
from ibgu.core.model.claims import LAST_SEEN
from ibgu.core.model.transitions import U

TIMEOUT = "Action did not successfully complete before the timeout specified in the rolloutStrategy"
"""TALM's text, which users' scripts match."""

Since = datetime | None
"""Since when there is what a Job has made; None: no Job did the action."""

_LABELLED = frozenset({RunResult.FAILED, RunResult.REFUSED, RunResult.LIMIT})
_OUTCOMES = {
    RunResult.PREEMPTED: Outcome.CANCELLED,
    RunResult.DELETED: Outcome.CANCELLED,
}


def end_run(
    ctx: DecisionContext,
    member: InFlight,
    run: OpenRun,
    result: RunResult,
    cause: Cause | None,
    message: str,
) -> InFlight:
    """Ends the member's run without success; its claim stays until the work is disarmed."""
    member = transitions.end(_reported(ctx, member), run, result, cause, message, ctx.now)
    member = ctx.on_member(Kind.RUN_ENDED, member, f"{run.action} {result}: {message}")
    if _labelled(run.armed_at, result):
        _enqueue_failure_label(ctx, member, whole(run.action))
    return member


def labelled(run: Run) -> bool:
    """Whether the run was armed and ended by the cluster's failure, refusal or limit (R13.4)."""
    return _labelled(run.armed_at, run.result)


def _labelled(armed_at: datetime | None, result: RunResult | None) -> bool:
    return armed_at is not None and result in _LABELLED


def _enqueue_failure_label(ctx: DecisionContext, member: Member, action: ActionName) -> None:
    cluster = ctx.observe(member.cluster).cluster
    # A run whose ManagedCluster is gone has ended for that.
    assert cluster is not None
    assert cluster.uid == member.uid
    enqueue_outcome(ctx, cluster, failure_labels(action), {}, f"{action} failed")
    release_auto_import(ctx, member)


def succeed_run(
    ctx: DecisionContext, member: InFlight, run: Accepted, cluster: ClusterView, made_at: Since
) -> InFlight:
    """Ends the run with success: the cluster reports that its action is done."""
    member = transitions.succeed(_reported(ctx, member), run, ctx.now, made_at)
    member = ctx.on_member(Kind.RUN_ENDED, member, f"{run.action} succeeded{_warned(member)}")
    enqueue_success_labels(ctx, member, cluster, run.action)
    return member


def succeed_in_part(
    ctx: DecisionContext, member: InFlight, run: Accepted, words: str, part_at: Since
) -> InFlight:
    """Ends the run with success, of which the action needs more: another run follows."""
    member = transitions.succeed_in_part(_reported(ctx, member), run, words, ctx.now, part_at)
    return ctx.on_member(Kind.RUN_ENDED, member, f"{run.action} continues: {words}")


def skip_action(
    ctx: DecisionContext, member: U, cluster: ClusterView, action: ActionName, note: str
) -> U:
    """Completes an action without a run: the cluster is already where it would bring it (R8.1)."""
    done = CompletedAction(action, ctx.now, note, skipped=True)
    member = transitions.complete_action(_reported(ctx, member), done)
    member = ctx.on_member(Kind.ACTION_SKIPPED, member, f"{action}: {note}{_warned(member)}")
    enqueue_success_labels(ctx, member, cluster, action)
    return member


def _reported(ctx: DecisionContext, member: U) -> U:
    """Returns the member with what its cluster reports now, if that is proven."""
    seen = ctx.observe(member.cluster)
    there = seen.cluster is not None and seen.cluster.uid == member.uid
    known = seen.current_feedback if there else None
    if known is None:
        return member
    return transitions.report(member, known.warning, open_until(known.rollback_until, ctx.now))


def _warned(member: Member) -> str:
    return f", with a warning: {member.warning}" if member.warning else ""


def enqueue_success_labels(
    ctx: DecisionContext, member: Member, cluster: ClusterView, action: ActionName
) -> None:
    wishes = success_labels(action, labels_with_pending(ctx, cluster))
    annotations = _auto_import(ctx, member, cluster, action)
    enqueue_outcome(ctx, cluster, wishes, annotations, f"{action} succeeded")


def _auto_import(
    ctx: DecisionContext, member: Member, cluster: ClusterView, action: ActionName
) -> MetadataChanges:
    """Returns the patch that turns automatic import off ahead of the chain's next action where it
    needs that, and on after all that carry nothing to the cluster (R14.2)."""
    following = ctx.step(member).step.actions[member.action_index :]
    if isinstance(member, InFlight) and any(traits(each).import_off for each in following[:1]):
        return auto_import_off(ctx, cluster, claimed=True)
    return {} if traits(action).carries_payload else auto_import_on(ctx, cluster)


def finish(
    ctx: DecisionContext,
    member: Unfinished,
    outcome: Outcome,
    *,
    cause: Cause | None = None,
    message: str = "",
    failed_action: ActionName | None = None,
) -> Finished:
    """Finishes the member in its step; its claim, if any, is released."""
    _release_import(ctx, member)
    run = transitions.last_run(member)
    over = transitions.finish(
        member,
        run,
        outcome,
        cause=cause,
        message=message,
        failed_action=failed_action,
        watched=outcome is not Outcome.SUCCEEDED and _worth_watching(run),
        now=ctx.now,
    )
    ctx.result.remaining += [member.cluster] * ctx.tracked.is_followed(member.cluster)
    return ctx.on_member(Kind.FINISHED, over, message or outcome)


def _release_import(ctx: DecisionContext, member: Unfinished) -> None:
    """Removes disable-auto-import where the action that needs it was never armed (R14.3)."""
    run, cluster = member.run, ctx.observe(member.cluster).cluster
    needing = [each for each in ctx.step(member).step.actions if traits(each).import_off]
    armed = run is not None and run.action in needing and run.arming_at is not None
    if armed or not needing:
        return
    if cluster is not None and cluster.uid == member.uid:
        enqueue(ctx, cluster, auto_import_on(ctx, cluster), f"{needing[0]} was never armed")


def _worth_watching(run: Ended | None) -> bool:
    """Whether the run was armed and is not known to have succeeded: it may complete late (R15.1).
    A Job goes with its run."""
    if run is None or run.arming_at is None or traits(run.action).runs_job:
        return False
    return not run.result.success and run.result is not RunResult.GONE


def fail_next_action(
    ctx: DecisionContext, member: InFlight, cause: Cause | None, message: str
) -> Finished:
    """Fails a member between two actions: the next one can't run."""
    action = ctx.action(member)
    return finish(ctx, member, Outcome.FAILED, cause=cause, message=message, failed_action=action)


def finish_after(ctx: DecisionContext, member: InFlight, run: Ended) -> Finished:
    """Finishes the member whose run ended without success and is disarmed."""
    return finish(
        ctx,
        member,
        _OUTCOMES.get(run.result, Outcome.FAILED),
        cause=run.cause,
        message=run.message,
        failed_action=whole(run.action),
    )


def back_to_waiting(ctx: DecisionContext, member: InFlight, run: Ended, words: str) -> Waiting:
    """Returns the member to waiting, without slot and claim, as before the action that is due."""
    waits = transitions.return_to_waiting(member, run, ctx.now)
    return ctx.on_member(Kind.RETURNED, waits, words)


def repeat_action(ctx: DecisionContext, member: Unfinished, why: str) -> Waiting:
    """Returns the member to waiting, as before its last completed action: what that has made is too
    old by now."""
    again = transitions.repeat_action(member, ctx.now)
    return ctx.on_member(Kind.ACTION_REPEATED, again, f"{ctx.action(again)} is repeated: {why}")


def timed_out(member: Member) -> str:
    """Returns TALM's text, and the last reason."""
    words = member.reason.message
    return f"{TIMEOUT}{LAST_SEEN}{words}" if words else TIMEOUT

"""Ends runs, and finishes their members (R5, R9, R10, R13)."""

from datetime import datetime

from ibgu.core.engine.decide import transitions
from ibgu.core.engine.decide.context import DecisionContext
from ibgu.core.engine.decide.patches import (
    Wishes,
    auto_import_off,
    auto_import_on,
    enqueue,
    enqueue_outcome,
    failure_labels,
    labels_with_pending,
    record_gone,
    release_auto_import,
    success_labels,
)
from ibgu.core.engine.decide.transitions import U
from ibgu.core.model import (
    Accepted,
    Action,
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
)

TIMEOUT = "Action did not successfully complete before the timeout specified in the rolloutStrategy"
"""TALM's text, which users' scripts match."""

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
    member = transitions.end(member, run, result, cause, message, ctx.now)
    member = ctx.on_member(Kind.RUN_ENDED, member, f"{run.action} {result}: {message}")
    if _labelled(run.armed_at, result):
        _enqueue_failure_label(ctx, member, run.action)
    return member


def labelled(run: Run) -> bool:
    """Whether the run was armed and ended by the cluster's failure, refusal or limit (R13.4)."""
    return _labelled(run.armed_at, run.result)


def _labelled(armed_at: datetime | None, result: RunResult | None) -> bool:
    return armed_at is not None and result in _LABELLED


def _enqueue_failure_label(ctx: DecisionContext, member: Member, action: Action) -> None:
    cluster = ctx.observe(member.cluster).cluster
    if cluster is not None and cluster.uid == member.uid:
        enqueue_outcome(ctx, cluster, failure_labels(action), {}, f"{action} failed")
    else:
        record_gone(ctx, member, failure_labels(action))
    release_auto_import(ctx, member)


def succeed_run(
    ctx: DecisionContext, member: InFlight, run: Accepted, cluster: ClusterView
) -> InFlight:
    """Ends the run with success: the cluster reports that its action is done."""
    member = transitions.succeed(member, run, ctx.now)
    member = ctx.on_member(Kind.RUN_ENDED, member, f"{run.action} succeeded")
    enqueue_success_labels(ctx, member, cluster, run.action)
    return member


def skip_action(
    ctx: DecisionContext, member: U, cluster: ClusterView, action: Action, note: str
) -> U:
    """Completes an action without a run: the cluster is already where it would bring it (R8.1)."""
    member = transitions.complete_action(member, CompletedAction(action, ctx.now, note))
    member = ctx.on_member(Kind.ACTION_SKIPPED, member, f"{action}: {note}")
    enqueue_success_labels(ctx, member, cluster, action)
    return member


def enqueue_success_labels(
    ctx: DecisionContext, member: Member, cluster: ClusterView, action: Action
) -> None:
    wishes = success_labels(action, labels_with_pending(ctx, cluster))
    annotations = _auto_import(ctx, member, cluster, action)
    enqueue_outcome(ctx, cluster, wishes, annotations, f"{action} succeeded")


def _auto_import(
    ctx: DecisionContext, member: Member, cluster: ClusterView, action: Action
) -> Wishes:
    """Returns the patch that turns automatic import off with a Prep that Upgrade follows, and on
    after all other actions (R14.2)."""
    if action is not Action.PREP:
        return auto_import_on(ctx, cluster)
    following = ctx.step(member).step.actions[member.action_index :]
    goes_on = isinstance(member, InFlight) and following[:1] == (Action.UPGRADE,)
    return auto_import_off(ctx, cluster) if goes_on else {}


def finish(
    ctx: DecisionContext,
    member: Unfinished,
    outcome: Outcome,
    *,
    cause: Cause | None = None,
    message: str = "",
    failed_action: Action | None = None,
) -> Finished:
    """Finishes the member in its step; its claim, if any, is released."""
    _never_upgraded(ctx, member)
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
    return ctx.on_member(Kind.FINISHED, over, message or outcome)


def _never_upgraded(ctx: DecisionContext, member: Unfinished) -> None:
    """Removes disable-auto-import where the Upgrade was never armed (R14.3)."""
    run, cluster = member.run, ctx.observe(member.cluster).cluster
    armed = run is not None and run.action is Action.UPGRADE and run.arming_at is not None
    if armed or Action.UPGRADE not in ctx.step(member).step.actions:
        return
    if cluster is not None and cluster.uid == member.uid:
        enqueue(ctx, cluster, auto_import_on(ctx, cluster), "Upgrade was never armed")


def _worth_watching(run: Ended | None) -> bool:
    """Whether the run was armed and is not known to have succeeded: it may complete late
    (R15.1)."""
    return bool(run and run.arming_at and run.result not in (RunResult.SUCCEEDED, RunResult.GONE))


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
        failed_action=run.action,
    )


def back_to_waiting(ctx: DecisionContext, member: InFlight, run: Ended) -> Waiting:
    """Returns a member whose run was withdrawn to waiting, as if it had never started."""
    waits = transitions.return_to_waiting(member, run, ctx.now)
    return ctx.on_member(Kind.RETURNED, waits, "withdrawn: the cluster did not accept it")


def timed_out(member: Member) -> str:
    """Returns TALM's text, and the last reason."""
    words = member.reason.message
    return f"{TIMEOUT}. Last seen: {words}" if words else TIMEOUT

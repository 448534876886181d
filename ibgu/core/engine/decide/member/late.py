"""Watches finished members: late completion, and disable-auto-import that still stands (R14, R15,
R16)."""

from datetime import datetime, timedelta

from ibgu.core.engine.decide.context import DecisionContext
from ibgu.core.engine.decide.member.ending import enqueue_success_labels, labelled
from ibgu.core.engine.decide.member.patches import (
    auto_import_on,
    labels_with_pending,
    release_auto_import,
)
from ibgu.core.engine.driver import Verdict, VerdictKind
from ibgu.core.engine.timing.times import (
    DELETED_WATCH,
    DETAILS_TIME,
    IMPORT_OFF,
    LATE_COMPLETION_WATCH,
)
from ibgu.core.engine.works.evidence import is_evidence_for, open_until
from ibgu.core.model import (
    ClusterView,
    CompletedAction,
    Ended,
    Finished,
    Kind,
    Member,
    Observation,
    Outcome,
    ReasonKind,
    RunResult,
    WorkView,
    names,
    traits,
    transitions,
)
from ibgu.core.text.spans import utc

_LASTS = "the action has completed after its limit, and must stay so for the soak time"
_LASTS_NO_MORE = "the cluster no longer reports that the action has completed"


def decide_finished(ctx: DecisionContext, member: Finished) -> None:
    """Compares a watched member with what its cluster reports after the end: an action that timed
    out may complete late, a failure may get its details (R15)."""
    ended = ctx.tracked.steps[-1].step.finished_at
    if ended is not None and ctx.now < ended + LATE_COMPLETION_WATCH:
        ctx.requeue_at(member.cluster, ended + LATE_COMPLETION_WATCH)
    seen = ctx.observe(member.cluster)
    member = _follow_rollback_deadline(ctx, member, seen)
    if not member.watched:
        return
    release_auto_import(ctx, member)
    member = _warn_of_import(ctx, member, seen)
    if why := _why_stop_watching(ctx, member, seen):
        ctx.on_member(Kind.UNWATCHED, transitions.unwatch(member), why)
        return
    run, cluster, found = member.run, seen.cluster, _verdict(ctx, member, seen)
    member = _note_soak(ctx, member, found)
    if isinstance(run, Ended) and cluster is not None and found is not None:
        _compare(ctx, member, run, cluster, found)


def _verdict(ctx: DecisionContext, member: Finished, seen: Observation) -> Verdict | None:
    """Returns what the cluster reports now of the member's last run; None: it is away, or reports
    nothing of it."""
    run, work = member.run, seen.stage
    reachable = seen.cluster is not None and seen.cluster.reachable
    if not (isinstance(run, Ended) and work and work.feedback and reachable):
        return None
    if not is_evidence_for(work, run) or _of_another(ctx, member, work, run):
        return None
    return ctx.driver.verdict(work.feedback, run.action, ctx.rollout)


def _of_another(ctx: DecisionContext, member: Finished, work: WorkView, run: Ended) -> bool:
    """Whether the feedback may be of a run that began after TALM's had ended: until then the member
    had the cluster. TALM leaves the id of an older run of ibgu there."""
    shown = work.feedback.run if work.feedback is not None else ""
    if not run.adopted or shown in ("", run.id):
        return False
    return _may_have_acted_since(ctx, member, run.ended_at)


def _may_have_acted_since(ctx: DecisionContext, member: Finished, since: datetime) -> bool:
    """Whether any rollout has begun a run on the cluster after that time, as far as their records
    can be read."""
    if any(member.cluster in each.clusters for each in ctx.fleet.unreadable.values()):
        return True
    others = (ctx.fleet.rollouts.get(uid) for uid in ctx.fleet.rollouts_of[member.cluster])
    runs = (
        step.members[member.cluster].run
        for each in others
        if each is not None
        for step in each.steps
        if member.cluster in step.members
    )
    return any(run is not None and run.intended_at >= since for run in runs)


def soaks_until(ctx: DecisionContext, member: Finished, seen: Observation) -> datetime | None:
    """Returns until when a success that did not last before the limit still has to last (R7.7);
    None: it has, or there is none."""
    return _soaks(ctx, member, _verdict(ctx, member, seen))


def _soaks(ctx: DecisionContext, member: Finished, found: Verdict | None) -> datetime | None:
    if not member.watched or found is None or found.kind is not VerdictKind.SUCCEEDED:
        return None
    reason = member.reason
    since = ctx.stands_since(reason) if reason.kind is ReasonKind.SOAKING else ctx.now
    until = since + found.soak
    return until if ctx.now < until else None


def _note_soak(ctx: DecisionContext, member: Finished, found: Verdict | None) -> Finished:
    """Notes since when a success stands that has to last, and that it does no more."""
    if until := _soaks(ctx, member, found):
        ctx.requeue_at(member.cluster, until)
        return ctx.set_reason(member, ReasonKind.SOAKING, _LASTS, until=until)
    lasts = found is not None and found.kind is VerdictKind.SUCCEEDED
    if member.reason.kind is ReasonKind.SOAKING and not lasts:
        return ctx.set_reason(member, ReasonKind.RUNNING, _LASTS_NO_MORE)
    return member


def _follow_rollback_deadline(
    ctx: DecisionContext, member: Finished, seen: Observation
) -> Finished:
    """Notes until when the cluster can be rolled back, as long as it can: finalizing it, or rolling
    it back, ends that, no matter who does it, and so does the deadline (R15.3)."""
    old, new = member.rollback_until, _rollback_until(ctx, member, seen)
    if new is not None:
        ctx.requeue_at(member.cluster, new)
    if new == old:
        return member
    passed = old is not None and old <= ctx.now
    words = f"finalize or roll back by {utc(new)}" if new else _closed(member, seen, passed=passed)
    changed = transitions.note_rollback_deadline(member, new)
    return ctx.on_member(Kind.ROLLBACK_DEADLINE, changed, words, warning=passed)


def _rollback_until(ctx: DecisionContext, member: Finished, seen: Observation) -> datetime | None:
    """Returns until when the cluster can be rolled back, as far as it is known now. Another's
    upgrade opens no way back of this member's."""
    known, old, cluster = seen.current_feedback, member.rollback_until, seen.cluster
    if _gone(member, seen):
        # A restore may have lost the ManagedCluster of a cluster that is still there.
        return open_until(old, ctx.now) if ctx.rollout.stands_still else None
    if known is None or cluster is None or not cluster.reachable:
        return open_until(old, ctx.now)
    mine = member.run is not None and known.run == member.run.id
    return open_until(known.rollback_until, ctx.now) if mine or old is not None else None


def _closed(member: Finished, seen: Observation, *, passed: bool) -> str:
    if passed:
        return "the rollback deadline has passed"
    return "the cluster is gone" if _gone(member, seen) else "it can't be rolled back any more"


def _gone(member: Finished, seen: Observation) -> bool:
    """Whether the hub does not show the member's cluster, or another one by its name."""
    return seen.cluster is None or seen.cluster.uid != member.uid


def _why_stop_watching(ctx: DecisionContext, member: Finished, seen: Observation) -> str:
    latest = ctx.tracked.latest(member.cluster)
    if _gone(member, seen):
        return "the cluster is gone"
    if latest and latest.step > member.step and _has_taken_a_run(latest):
        return "a later run of the cluster exists"
    if ctx.rollout.deleted_at is not None:
        return _deleted(ctx, member, seen, ctx.rollout.deleted_at)
    ended = ctx.tracked.steps[-1].step.finished_at
    if ended is not None and ctx.now >= ended + LATE_COMPLETION_WATCH:
        return "7 days have passed"
    return ""


def _has_taken_a_run(latest: Member) -> bool:
    """Whether the cluster has begun what a later step asks for. A run that was withdrawn says
    nothing of the earlier one: the cluster may be dark because that goes on."""
    return bool(latest.completed) or (latest.run is not None and latest.run.accepted_at is not None)


def _deleted(
    ctx: DecisionContext, member: Finished, seen: Observation, deleted_at: datetime
) -> str:
    """Returns why the watch of a deleted rollout's member ends; only a reboot is still watched
    (R16.2)."""
    run, known = member.run, seen.current_feedback
    reachable = seen.cluster is not None and seen.cluster.reachable
    due = max(deleted_at, member.ended_at) + DELETED_WATCH
    if run is None or not traits(run.action).reboots or ctx.now >= due:
        return "the rollout was deleted"
    if reachable and known and ctx.driver.out_of_stage(known):
        return "the rollout was deleted, and the cluster is out of the stage"
    ctx.requeue_at(member.cluster, due)
    return ""


def _warn_of_import(ctx: DecisionContext, member: Finished, seen: Observation) -> Finished:
    """Warns a person after a day without evidence that the cluster is out of its Upgrade
    (R14.4)."""
    cluster = seen.cluster
    if cluster is None or not auto_import_on(ctx, cluster) or _IMPORT_IS_OFF in member.message:
        return member
    due = member.ended_at + IMPORT_OFF
    ctx.requeue_at(member.cluster, due)
    if ctx.now < due:
        return member
    warned = transitions.warn(member, f"{member.message}; {_IMPORT_IS_OFF}")
    return ctx.on_member(Kind.AUTO_IMPORT_OFF, warned, _IMPORT_IS_OFF, warning=True)


_IMPORT_IS_OFF = (
    "the cluster has not shown in 24 h that it is out of the upgrade, so that automatic import "
    f"stays off; once it is out, remove the annotation {names.DISABLE_AUTO_IMPORT} from its "
    "ManagedCluster"
)


def _compare(
    ctx: DecisionContext, member: Finished, run: Ended, cluster: ClusterView, found: Verdict
) -> None:
    if found.kind is VerdictKind.SUCCEEDED and not found.again:
        if _soaks(ctx, member, found) is None:
            _completed_late(ctx, member, run, cluster)
    elif found.kind is VerdictKind.FAILED and run.result is RunResult.FAILED:
        _fill_in(ctx, member, run, found.message)


def _fill_in(ctx: DecisionContext, member: Finished, run: Ended, words: str) -> None:
    """Adds the details that the cluster reports a moment after its failure (R10.1). Each is an
    event: a cluster that goes on to find other words would fill the journal with them."""
    if words not in ("", run.message) and ctx.now < run.ended_at + DETAILS_TIME:
        ctx.on_member(Kind.DETAILED, transitions.add_details(member, run, words), words)


def _completed_late(
    ctx: DecisionContext, member: Finished, run: Ended, cluster: ClusterView
) -> None:
    """Records the late completion; the label follows only if our failed label still stands
    (R15.2). A cluster that AbortOnFailure is about to take back keeps its failure (R28.2)."""
    if _to_be_taken_back(ctx, member, run):
        return
    late = f"completed late, after {_minutes(ctx.now - run.intended_at)}"
    if member.outcome is not Outcome.FAILED or run.result is RunResult.TAKEN_OVER:
        ctx.on_member(Kind.COMPLETED_LATE, transitions.note_late(member, late), late)
        return
    left = next(iter(ctx.step(member).step.actions[member.action_index + 1 :]), None)
    shown = labels_with_pending(ctx, cluster)
    ours = labelled(run) and traits(run.action).failed_label in shown
    done = CompletedAction(run.action, ctx.now, late, unlabelled=not ours)
    changed = transitions.complete_late(member, done, left)
    words = late if left is None else changed.message
    member = ctx.on_member(Kind.COMPLETED_LATE, changed, words)
    if ours:
        enqueue_success_labels(ctx, member, cluster, run.action)


def _to_be_taken_back(ctx: DecisionContext, member: Finished, run: Ended) -> bool:
    """Whether AbortOnFailure will take the cluster; one on another release it can't (R8.1)."""
    latest = ctx.tracked.latest(member.cluster)
    if latest is None or latest.finished or latest.step == member.step:
        return False
    return traits(ctx.step(latest).step.first).after_failure and not traits(run.action).reboots


def _minutes(length: timedelta) -> str:
    seconds = int(length.total_seconds())
    return f"{seconds // 60} min" if seconds >= 60 else f"{seconds} s"

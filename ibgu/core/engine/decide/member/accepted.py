"""Decides on a run that the cluster has accepted: what it reports ends the run (R7, R10, R12)."""

from datetime import datetime

from ibgu.core.engine.decide.context import DecisionContext
from ibgu.core.engine.decide.jobwork import job_made_at
from ibgu.core.engine.decide.member.arming import diverged
from ibgu.core.engine.decide.member.ending import end_run, succeed_in_part, succeed_run
from ibgu.core.engine.decide.member.forgotten import is_foreign, unknown_run
from ibgu.core.engine.decide.restored import unproven
from ibgu.core.engine.driver import Verdict, VerdictKind
from ibgu.core.engine.parts import part_hindrance
from ibgu.core.engine.state import TrackedRollout
from ibgu.core.engine.works.evidence import is_evidence_for
from ibgu.core.model import (
    Accepted,
    ActingParty,
    Cause,
    ClusterView,
    FeedbackView,
    InFlight,
    Kind,
    Observation,
    ReasonKind,
    RunResult,
    WorkView,
    table_of,
    traits,
    transitions,
)
from ibgu.core.model.runs import MAX_RUNS


def decide_accepted(
    ctx: DecisionContext, member: InFlight, run: Accepted, cluster: ClusterView, seen: Observation
) -> None:
    """Ends an accepted run on feedback that speaks for it. Without such feedback the run goes on
    until its limit, unless someone else has changed the stage or the work (R9.6)."""
    work = seen.stage
    if not cluster.reachable:
        _wait_for_cluster(ctx, member, run)
    elif work is not None and work.feedback is not None and is_evidence_for(work, run):
        _follow(ctx, member, run, cluster, work.feedback, seen)
    elif unproven(ctx, work):
        _without_evidence(ctx, member, run, work)
    elif _withdraw_if_void(ctx, member, run, seen):
        return
    elif what := _foreign(ctx, member, run, work):
        if not seen.writing:
            diverged(ctx, member, run, what)
    else:
        _without_evidence(ctx, member, run, work)


def _withdraw_if_void(
    ctx: DecisionContext, member: InFlight, run: Accepted, seen: Observation
) -> bool:
    """Withdraws a run that the cluster has not taken, or that it has undone by itself; returns
    whether it did."""
    work = seen.stage
    if _never_accepted(run, work):
        _withdraw_adopted(ctx, member, run, seen)
    elif _undone(ctx, member, run, work):
        words = f"the cluster has restored its state from before {run.action}: ibgu probes it again"
        end_run(ctx, member, run, RunResult.WITHDRAWN, None, words)
    else:
        return False
    return True


def other_run(tracked: TrackedRollout, cluster: str, work: WorkView | None) -> str:
    """Returns the run that the cluster shows in place of the one that it has taken, or one of this
    rollout's that is not known; empty: none.

    Only the journal knows whose run that is: it must be asked before anything is decided.
    """
    member = tracked.latest(cluster)
    run = member.run if member is not None else None
    if not isinstance(run, Accepted) or work is None or work.feedback is None:
        return unknown_run(tracked, cluster, work)
    return work.feedback.run if work.feedback.run != run.id else ""


def _wait_for_cluster(ctx: DecisionContext, member: InFlight, run: Accepted) -> None:
    if traits(run.action).reboots:
        ctx.set_reason(
            member, ReasonKind.REBOOTING, "the cluster is not reachable while it reboots"
        )
    else:
        words = "the cluster is not reachable"
        ctx.set_reason(member, ReasonKind.UNREACHABLE, words, who=ActingParty.CLUSTER)


def _follow(
    ctx: DecisionContext,
    member: InFlight,
    run: Accepted,
    cluster: ClusterView,
    feedback: FeedbackView,
    seen: Observation,
) -> None:
    """Decides by the object on the cluster, or by the Job that does the action."""
    if run.armed_at is None:
        _accept_adopted(ctx, member, run)
        return
    if traits(run.action).runs_job:
        _follow_job(ctx, member, run, cluster, feedback, seen)
        return
    found = ctx.driver.verdict(feedback, run.action, ctx.rollout)
    _apply_verdict(ctx, member, run, cluster, found)


def _follow_job(
    ctx: DecisionContext,
    member: InFlight,
    run: Accepted,
    cluster: ClusterView,
    feedback: FeedbackView,
    seen: Observation,
) -> None:
    """Decides by the work that brings the run's Job (R47)."""
    job = seen.job
    if job is not None and job.edited:
        diverged(ctx, member, run, "the work of the run was changed by someone else")
    elif job is not None and job.run == run.id and not job.terminating:
        found = ctx.driver.job_verdict(job, feedback, run.action, ctx.rollout)
        _apply_verdict(ctx, member, run, cluster, found)
    elif job is None and not seen.job_writing and (kept := _part_kept(ctx, run)) is not None:
        if kept:
            ctx.set_reason(member, ReasonKind.BACKUP_NOT_POSSIBLE, kept, who=ActingParty.PERSON)
        else:
            succeed_in_part(ctx, member, run, "become unnecessary: it is not asked for", None)
    elif seen.job_refusal:
        words = f"the hub refused the work of the run: {seen.job_refusal}"
        end_run(ctx, member, run, RunResult.FAILED, Cause.WRITE_REFUSED, words)
    else:
        words = "waits until the hub has the work of the run"
        if ctx.rollout.stands_still:
            # In other words, so that the resume is news of this member, too.
            words = "the work of the run is made once the rollout is resumed"
        ctx.set_reason_for_hub(member, seen.denied, ReasonKind.RUNNING, words)


def _part_kept(ctx: DecisionContext, run: Accepted) -> str | None:
    """Returns why no Job is made for the run; see `part_hindrance`."""
    controls, allowed = ctx.rollout.controls, ctx.facts.upgrade_backups
    return part_hindrance(ctx.driver, run.action, controls, upgrade_backups=allowed)


def _apply_verdict(
    ctx: DecisionContext,
    member: InFlight,
    run: Accepted,
    cluster: ClusterView,
    found: Verdict,
) -> None:
    if found.kind is VerdictKind.SUCCEEDED and _too_early(ctx, run, found):
        _set_running(ctx, member, run, found.message)
        ctx.requeue_at(member.cluster, (run.accepted_at or ctx.now) + found.earliest)
    elif found.kind is VerdictKind.SUCCEEDED and not _soaked(ctx, member, found):
        _soak(ctx, member, found)
    elif found.kind is VerdictKind.SUCCEEDED and found.again and member.attempts >= MAX_RUNS:
        words = f"after {MAX_RUNS} runs {run.action} is not done; the last one has {found.message}"
        end_run(ctx, member, run, RunResult.FAILED, Cause.WRONG_STATE, words)
    elif found.kind is VerdictKind.SUCCEEDED and found.again:
        part_at = _made_at(ctx, run, found) or member.part_at or run.intended_at
        succeed_in_part(ctx, member, run, found.message, part_at)
    elif found.kind is VerdictKind.SUCCEEDED:
        succeed_run(ctx, member, run, cluster, _made_at(ctx, run, found))
    elif found.kind is VerdictKind.FAILED and _lasts(ctx, member, found):
        end_run(ctx, member, run, RunResult.FAILED, found.cause, found.message)
    elif found.kind is VerdictKind.FAILED:
        _give_grace(ctx, member, found)
    elif not (found.undecided and member.reason.kind is ReasonKind.REFUSED):
        _set_running(ctx, member, run, found.message)


def _made_at(ctx: DecisionContext, run: Accepted, success: Verdict) -> datetime | None:
    return job_made_at(run, success, ctx.now) if traits(run.action).runs_job else None


def _too_early(ctx: DecisionContext, run: Accepted, success: Verdict) -> bool:
    """Whether what the cluster shows may be its state from before the action (R7.6)."""
    return run.accepted_at is not None and ctx.now < run.accepted_at + success.earliest


def _soaked(ctx: DecisionContext, member: InFlight, success: Verdict) -> bool:
    """Whether the success has lasted long enough (R7.7)."""
    return not success.soak or _soaks_since(ctx, member) + success.soak <= ctx.now


def _soaks_since(ctx: DecisionContext, member: InFlight) -> datetime:
    reason = member.reason
    return ctx.stands_since(reason) if reason.kind is ReasonKind.SOAKING else ctx.now


def _soak(ctx: DecisionContext, member: InFlight, success: Verdict) -> None:
    until = _soaks_since(ctx, member) + success.soak
    ctx.set_reason(member, ReasonKind.SOAKING, success.message, until=until)
    ctx.requeue_at(member.cluster, until)


def _lasts(ctx: DecisionContext, member: InFlight, failure: Verdict) -> bool:
    """Whether the failure has stood for its grace (R10.8)."""
    if not failure.grace:
        return True
    reason = member.reason
    if reason.kind is not ReasonKind.REFUSED:
        return False
    return ctx.stands_since(reason) + failure.grace <= ctx.now


def _give_grace(ctx: DecisionContext, member: InFlight, failure: Verdict) -> None:
    refused = ctx.set_reason(member, ReasonKind.REFUSED, failure.message, who=ActingParty.CLUSTER)
    ctx.requeue_at(member.cluster, ctx.stands_since(refused.reason) + failure.grace)


def _set_running(ctx: DecisionContext, member: InFlight, run: Accepted, words: str) -> None:
    words = words or f"the cluster has accepted {run.action}"
    ctx.set_reason(member, ReasonKind.RUNNING, words, who=ActingParty.CLUSTER)


def _accept_adopted(ctx: DecisionContext, member: InFlight, run: Accepted) -> None:
    """Records that the cluster has accepted what TALM had begun (R20.4)."""
    member = transitions.accept_adopted(member, run, ctx.now)
    ctx.on_member(Kind.RUN_ACCEPTED, member, f"the cluster accepted TALM's {run.action}")


def _never_accepted(run: Accepted, work: WorkView | None) -> bool:
    """Whether the cluster is in another stage and never showed that it took TALM's work (R20.4)."""
    known = work.current_feedback if work else None
    if not run.adopted or run.armed_at is not None or known is None:
        return False
    return known.stage != traits(run.action).stage


def _withdraw_adopted(
    ctx: DecisionContext, member: InFlight, run: Accepted, seen: Observation
) -> None:
    """Withdraws the run once TALM's work can't arrive any more; R8 then applies to the member."""
    if seen.talm:
        words = f"TALM's {run.action} has not reached the cluster"
        ctx.set_reason(member, ReasonKind.RUNNING, words)
    else:
        words = f"TALM's {run.action} never reached the cluster"
        end_run(ctx, member, run, RunResult.WITHDRAWN, None, words)


def _foreign(ctx: DecisionContext, member: InFlight, run: Accepted, work: WorkView | None) -> str:
    """Returns what someone else changed in the stage or in our work; empty: nothing."""
    if work is None or work.terminating:
        # A work that only watches is created again.
        return "" if run.adopted else "the stage work was deleted by someone else"
    if work.edited:
        return "the stage work was changed by someone else"
    feedback = work.current_feedback
    if feedback is None:
        return ""
    if feedback.stage != traits(run.action).stage and not _old_state(ctx, member, run, feedback):
        return f"{ctx.driver.field} is {feedback.stage}, ibgu asked for {traits(run.action).stage}"
    if not run.adopted and is_foreign(ctx, member, feedback.run):
        return f"the {ctx.driver.target.kind} carries the unknown run {feedback.run or '(none)'}"
    return ""


def _old_state(
    ctx: DecisionContext, member: InFlight, run: Accepted, feedback: FeedbackView
) -> bool:
    """Whether the reported run may be an earlier one of ours: after a reboot the old etcd shows it
    until LCA restores (R9.7)."""
    return traits(run.action).reboots and _is_earlier(ctx, member, run, feedback)


def _is_earlier(
    ctx: DecisionContext, member: InFlight, run: Accepted, feedback: FeedbackView
) -> bool:
    return feedback.run != run.id and not is_foreign(ctx, member, feedback.run)


def _undone(ctx: DecisionContext, member: InFlight, run: Accepted, work: WorkView | None) -> bool:
    """Whether an abort met the old etcd of a cluster that had just come back from an automatic
    rollback, and LCA has restored the object since (R9.9): it shows the action that rolls back. A
    person would leave the abort's run there; one who puts the object back each time keeps it."""
    feedback = work.current_feedback if work is not None else None
    if work is None or work.terminating or work.edited or feedback is None:
        return False
    if not traits(run.action).aborts or run.attempt >= MAX_RUNS:
        return False
    rolled_back = {each.stage for each in table_of(run.action).actions if each.rolls_back}
    return feedback.stage in rolled_back and _is_earlier(ctx, member, run, feedback)


def _without_evidence(
    ctx: DecisionContext, member: InFlight, run: Accepted, work: WorkView | None
) -> None:
    """Keeps the last message: nothing can be concluded now. The run goes on; its limit may cost it
    the slot."""
    words = member.reason.message if member.reason.kind is ReasonKind.RUNNING else ""
    if work is not None and work.target_available == "False":
        words = work.target_message or f"the cluster shows no {ctx.driver.target.kind}"
    _set_running(ctx, member, run, words)

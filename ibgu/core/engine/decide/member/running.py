"""Decides on members in flight: a run from its intent to its end (R7, R9, R10, R12).

A run goes intended -> arming -> armed -> accepted -> ended.
"""

from ibgu.core.engine.decide.context import DecisionContext
from ibgu.core.engine.decide.gated import kept_in_chain
from ibgu.core.engine.decide.hiddenwork import stage_may_be_hidden
from ibgu.core.engine.decide.jobwork import job_left
from ibgu.core.engine.decide.member.accepted import decide_accepted
from ibgu.core.engine.decide.member.arming import (
    decide_intended,
    decide_sent,
    intend_next,
    talm_work,
)
from ibgu.core.engine.decide.member.ending import (
    back_to_waiting,
    end_run,
    fail_next_action,
    finish,
    finish_after,
    repeat_action,
    skip_action,
)
from ibgu.core.engine.decide.prerequisites import may_repeat
from ibgu.core.engine.decide.restored import keeps_resume, without_cluster
from ibgu.core.engine.driver import Judgement, JudgementKind
from ibgu.core.engine.gates.deadlines import step_deadline
from ibgu.core.engine.timing.times import JOB_REMOVAL
from ibgu.core.model import (
    Accepted,
    ActingParty,
    Cause,
    ClusterView,
    Ended,
    InFlight,
    Intended,
    Kind,
    Observation,
    OpenRun,
    Outcome,
    ReasonKind,
    RolloutState,
    RunResult,
    transitions,
)
from ibgu.core.model.claims import cancelled_by


def decide_in_flight(ctx: DecisionContext, member: InFlight) -> None:
    """Decides on the member's run by its state. An open run first meets the reasons that end it
    whatever its state: a deleted cluster or rollout, preemption, a restore."""
    run, seen = member.run, ctx.observe(member.cluster)
    if isinstance(run, Ended):
        _decide_ended(ctx, member, run, seen)
        return
    cluster = _end_obsolete_run(ctx, member, run, seen)
    if cluster is None:
        return
    if isinstance(run, Intended):
        decide_intended(ctx, member, run, cluster, seen)
    elif isinstance(run, Accepted):
        decide_accepted(ctx, member, run, cluster, seen)
    else:
        decide_sent(ctx, member, run, cluster, seen)


def _end_obsolete_run(
    ctx: DecisionContext, member: InFlight, run: OpenRun, seen: Observation
) -> ClusterView | None:
    """Ends the open run for a reason outside of it, and returns None; otherwise returns the
    member's cluster."""
    if ctx.rollout.stands_still and _stands_still(ctx, member, run, seen):
        return None
    by = ctx.preemptor(member)
    if isinstance(run, Intended):
        by = by or ctx.canceller(member)
    if seen.cluster is None:
        words = "the ManagedCluster was deleted"
        end_run(ctx, member, run, RunResult.GONE, Cause.GONE, words)
    elif seen.cluster.uid != member.uid:
        words = "the ManagedCluster was re-created"
        end_run(ctx, member, run, RunResult.GONE, Cause.RECREATED, words)
    elif ctx.rollout.state is RolloutState.DELETED:
        words = "the rollout was deleted"
        end_run(ctx, member, run, RunResult.DELETED, Cause.DELETED, words)
    elif by:
        end_run(ctx, member, run, RunResult.PREEMPTED, Cause.PREEMPTED, cancelled_by(by))
    else:
        return seen.cluster
    return None


def _stands_still(ctx: DecisionContext, member: InFlight, run: OpenRun, seen: Observation) -> bool:
    """Withdraws a run that no cluster was seen to take; a run that was taken is watched (R31.3)."""
    if isinstance(run, Accepted):
        return without_cluster(ctx, member, seen) or keeps_resume(ctx, member, seen)
    words = "the cluster was not seen to accept it before the restore"
    end_run(ctx, member, run, RunResult.WITHDRAWN, None, words)
    return True


def _decide_ended(ctx: DecisionContext, member: InFlight, run: Ended, seen: Observation) -> None:
    if not run.disarmed:
        _await_disarm(ctx, member, run, seen)
    elif run.result.success:
        _next_action(ctx, member, seen)
    elif run.result is RunResult.WITHDRAWN:
        back_to_waiting(ctx, member, run, "withdrawn: the cluster did not accept it")
    else:
        finish_after(ctx, member, run)


_DISARMED = "the stage work is disarmed"


def _await_disarm(ctx: DecisionContext, member: InFlight, run: Ended, seen: Observation) -> None:
    """Keeps the claim until the hub shows the work disarmed (R9.2), and no longer has that of a Job
    (R47.4); a lost cluster needs neither."""
    gone = seen.cluster is None or seen.cluster.uid != member.uid
    # No agent applies a work that is being deleted.
    armed = seen.stage is not None and seen.stage.armed and not seen.stage.terminating
    if gone or not (seen.writing or armed or _may_be_left(ctx, member, run, seen)):
        ctx.on_member(Kind.RUN_DISARMED, transitions.disarm(member, run), _DISARMED)
    else:
        words = "removes what the run has brought" if seen.job else "disarms the stage work"
        ctx.set_reason_for_hub(member, seen.denied, ReasonKind.DISARMING, words)


def _may_be_left(ctx: DecisionContext, member: InFlight, run: Ended, seen: Observation) -> bool:
    """Whether the hub may have a stage work that is not shown, or has the work of a Job."""
    job = job_left(run, seen, ctx.now)
    if job:
        ctx.requeue_at(member.cluster, run.ended_at + JOB_REMOVAL)
    return job or stage_may_be_hidden(run, seen)


def _next_action(ctx: DecisionContext, member: InFlight, seen: Observation) -> None:
    """Starts the chain's next action at once, on the evidence that ended the one before (R5.1)."""
    if member.action_index == len(ctx.step(member).step.actions):
        finish(ctx, member, Outcome.SUCCEEDED)
    elif (hold := ctx.rollout.restored_hold) and member.uid not in ctx.fleet.preempts:
        ctx.set_reason(member, hold.kind, hold.message, who=hold.who)
    elif _cancelled(ctx, member, seen):
        return
    else:
        _chain(ctx, member, seen)


def _cancelled(ctx: DecisionContext, member: InFlight, seen: Observation) -> bool:
    """Finishes a member between two actions for the reasons that stop a waiting one."""
    by = ctx.preemptor(member) or ctx.canceller(member)
    deleted = ctx.rollout.state is RolloutState.DELETED
    gone = seen.cluster is None or seen.cluster.uid != member.uid
    if not (by or deleted or gone):
        return False
    cause = Cause.GONE if gone else Cause.DELETED if deleted else Cause.PREEMPTED
    words = {
        Cause.GONE: "the ManagedCluster is gone",
        Cause.DELETED: "the rollout was deleted",
        Cause.PREEMPTED: cancelled_by(by),
    }[cause]
    outcome = Outcome.FAILED if gone else Outcome.CANCELLED
    action = ctx.action(member)
    finish(ctx, member, outcome, cause=cause, message=words, failed_action=action)
    return True


def _chain(ctx: DecisionContext, member: InFlight, seen: Observation) -> None:
    action = ctx.action(member)
    work = seen.stage
    cluster = seen.cluster
    if ctx.now >= step_deadline(ctx.step(member).step, ctx.now):
        # After a gap the step ends a while after its deadline (R11.7): nothing starts meanwhile.
        return
    if seen.talm:
        ctx.set_reason(member, ReasonKind.TALM_WORK, talm_work(seen), who=ActingParty.PERSON)
        return
    if not (cluster and cluster.reachable and work and work.up_to_date and work.feedback):
        # A gate that is closed has the first word: what it keeps needs no time of the step's.
        if not kept_in_chain(ctx, member, seen):
            ctx.set_reason(member, ReasonKind.PREPARING, f"waits for feedback before {action}")
        return
    found = ctx.startability(member, work.feedback) if work.feedback.current else None
    if _may_be_kept(found) and kept_in_chain(ctx, member, seen):
        return
    if found is None or found.kind is JudgementKind.BUSY:
        words = found.message if found else f"{ctx.driver.agent} has not seen the spec yet"
        ctx.set_reason(member, ReasonKind.BUSY, words, who=ActingParty.CLUSTER)
    elif found.kind is JudgementKind.STARTABLE:
        intend_next(ctx, member)
    elif found.kind is JudgementKind.REACHED:
        skip_action(ctx, member, cluster, action, found.note)
    elif found.outdated and may_repeat(member, found.outdated):
        repeat_action(ctx, member, found.message)
    else:
        fail_next_action(ctx, member, found.cause, found.message)


def _may_be_kept(found: Judgement | None) -> bool:
    """Whether a closed gate decides first what becomes of the member. A backup that gets too old
    behind it fails nobody (R47.6): the cluster would fail for the time that the gate takes."""
    if found is None or found.outdated:
        return True
    return found.kind in (JudgementKind.STARTABLE, JudgementKind.BUSY)

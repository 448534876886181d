"""Decides on a run from its intent until the cluster has accepted it (R9, R10)."""

from datetime import datetime

from ibgu.core.engine.decide.context import DecisionContext
from ibgu.core.engine.decide.gated import closed_meanwhile
from ibgu.core.engine.decide.member.ending import end_run
from ibgu.core.engine.decide.member.patches import auto_import_off, enqueue
from ibgu.core.engine.driver import JudgementKind
from ibgu.core.engine.timing.times import ACCEPT_TIMEOUT, SETTLE, passed
from ibgu.core.engine.works.evidence import accepted
from ibgu.core.model import (
    Accepted,
    ActingParty,
    ActionName,
    Armed,
    Arming,
    Cause,
    ClusterView,
    InFlight,
    Intended,
    Kind,
    Observation,
    ReasonKind,
    Run,
    RunResult,
    Waiting,
    WorkView,
    names,
    traits,
    transitions,
)
from ibgu.core.model.claims import cancelled_by


def intend_first(ctx: DecisionContext, member: Waiting, slot: int, limit: datetime) -> InFlight:
    """Begins the waiting member's next action in the slot."""
    run = ctx.new_run(member)
    started = transitions.start(member, run, slot=slot, limit=limit)
    return ctx.on_member(Kind.RUN_INTENDED, started, f"starts {run.action}")


def intend_next(ctx: DecisionContext, member: InFlight) -> InFlight:
    """Begins the chain's next action in the slot that the member has."""
    run = ctx.new_run(member)
    member = transitions.start_next(member, run)
    return ctx.on_member(Kind.RUN_INTENDED, member, f"starts {run.action}")


def decide_intended(
    ctx: DecisionContext, member: InFlight, run: Intended, cluster: ClusterView, seen: Observation
) -> None:
    """Arms the intended run once payload and annotations are in place and the cluster still is as
    the probe showed it; otherwise waits, or withdraws the run."""
    if _must_not_arm(ctx, seen, run.action, run.intended_at):
        _withdraw(ctx, member, run, _STOPPED)
    elif cluster.deleting or not cluster.reachable:
        _withdraw_unaccepted(ctx, member, run, run.intended_at)
    elif seen.talm:
        _withdraw(ctx, member, run, talm_work(seen))
    elif not (
        _payload_ready(ctx, member, run, seen) and _auto_import_ready(ctx, member, cluster, seen)
    ):
        return
    elif seen.current_feedback is None and not passed(run.intended_at, ACCEPT_TIMEOUT, ctx.now):
        ctx.set_reason(member, ReasonKind.PREPARING, f"waits for feedback before {run.action}")
        ctx.requeue_at(member.cluster, run.intended_at + ACCEPT_TIMEOUT)
    elif why := _not_startable(ctx, member, seen):
        _withdraw(ctx, member, run, why)
    else:
        pauses = traits(run.action).pauses and ctx.driver.pauses(ctx.rollout)
        member = transitions.arm(member, run, ctx.now, pauses=pauses)
        ctx.on_member(Kind.RUN_ARMING, member, f"arms {run.action}")


def _not_startable(ctx: DecisionContext, member: InFlight, seen: Observation) -> str:
    """Returns why the action must not be armed as things are now; empty: it may be (R8.8).

    Between the probe and the write there may be minutes or hours: a payload, a conflict, a right
    that ibgu lacks.
    """
    known, action = seen.current_feedback, ctx.action(member)
    if known is None:
        return f"not armed: ibgu must probe the cluster again before {action}"
    due = ctx.run_action(member)
    if due != member.run.action:
        return f"not armed: {due} is due now, and not {member.run.action}"
    closed = closed_meanwhile(ctx, member, seen)
    if closed is not None:
        return f"not armed: {closed.message}"
    found = ctx.startability(member, known)
    if found.kind is JudgementKind.STARTABLE:
        return ""
    return f"not armed: the cluster has changed meanwhile: {found.message or found.note}"


def talm_work(seen: Observation) -> str:
    """Returns why TALM's work blocks the member: two works would fight over the stage."""
    return (
        f"TALM's ManifestWork {seen.talm} acts on the cluster; it goes when its IBGU is annotated "
        f"with {names.ADOPT}=<a new value>, or deleted"
    )


def _withdraw_unaccepted(
    ctx: DecisionContext, member: InFlight, run: Intended | Arming | Armed, since: datetime
) -> None:
    """Withdraws a run that the cluster does not take within ACCEPT_TIMEOUT; an Abort never waits
    (R9.3, R9.4). Time in which nobody would have seen that it does is not counted (R11.7)."""
    since = max(since, ctx.facts.in_sync_since)
    if passed(since, ACCEPT_TIMEOUT, ctx.now) or traits(run.action).aborts:
        _withdraw(ctx, member, run, "not accepted in time, and the cluster is not reachable")
    else:
        if traits(run.action).reboots and isinstance(run, Armed):
            ctx.set_reason(member, ReasonKind.REBOOTING, may_reboot(run))
        else:
            words = "the cluster is not reachable, or is being deleted"
            ctx.set_reason(member, ReasonKind.UNREACHABLE, words, who=ActingParty.CLUSTER)
        ctx.requeue_at(member.cluster, since + ACCEPT_TIMEOUT)


def may_reboot(run: Run) -> str:
    """Returns the message for a cluster that became unreachable before it reported the run as
    taken."""
    words = "it may have accepted it, and be rebooting"
    return f"not reachable since {run.action} was sent to it: {words}"


def _payload_ready(
    ctx: DecisionContext, member: InFlight, run: Intended, seen: Observation
) -> bool:
    digest = ctx.step(member).step.payload_digest
    if not traits(ctx.action(member)).carries_payload or not digest:
        return True
    work = seen.payload
    there = work and work.applied and work.digest == digest and not work.terminating
    if there and not seen.payload_writing:
        return True
    error = seen.payload_refusal or (work.apply_error if work else "")
    if error:
        _payload_error(ctx, member, run, error)
    else:
        words = "waits until the payload is on the cluster"
        ctx.set_reason_for_hub(member, seen.denied, ReasonKind.PREPARING, words)
    return False


def _payload_error(ctx: DecisionContext, member: InFlight, run: Intended, error: str) -> None:
    """Ends the run after two minutes of refusal on a reachable cluster; nothing was armed."""
    member = ctx.set_reason(member, ReasonKind.PAYLOAD_ERROR, error, who=ActingParty.PERSON)
    if _settled(ctx, member):
        words = f"payload refused: {error}"
        end_run(ctx, member, run, RunResult.REFUSED, Cause.PAYLOAD_REFUSED, words)


def _settled(ctx: DecisionContext, member: InFlight) -> bool:
    """Whether the member's reason has stood for SETTLE; if not, requeues the member for then."""
    due = ctx.stands_since(member.reason) + SETTLE
    ctx.requeue_at(member.cluster, due)
    return ctx.now >= due


_IMPORT_MARKS = frozenset({names.DISABLE_AUTO_IMPORT, names.AUTO_IMPORT_BY})


def _auto_import_ready(
    ctx: DecisionContext, member: InFlight, cluster: ClusterView, seen: Observation
) -> bool:
    """Whether the cluster has disable-auto-import, where the action must not be armed without it
    (R14.1), and no other rollout will remove it."""
    action = ctx.action(member)
    if not traits(action).import_off:
        return True
    change = auto_import_off(ctx, cluster, claimed=True)
    pending = ctx.fleet.pending_patches.get(cluster.uid)
    is_pending = pending is not None and not _IMPORT_MARKS.isdisjoint(pending.annotations)
    if names.DISABLE_AUTO_IMPORT in cluster.annotations and not (change or is_pending):
        return True
    enqueue(ctx, cluster, change, f"{action} is about to start")
    words = "turns automatic import off"
    ctx.set_reason_for_hub(member, seen.labels_denied, ReasonKind.PREPARING, words)
    return False


def decide_sent(
    ctx: DecisionContext,
    member: InFlight,
    run: Arming | Armed,
    cluster: ClusterView,
    seen: Observation,
) -> None:
    """Follows a run that was sent: it is armed once the hub shows that, and accepted once the
    cluster echoes its id. What will not be accepted is refused, withdrawn or taken over."""
    work = seen.stage
    shown = work is not None and work.armed and work.run == run.id
    if work is not None and accepted(work, run):
        member = transitions.accept(member, run, work.generation, ctx.now)
        ctx.on_member(Kind.RUN_ACCEPTED, member, f"the cluster accepted {run.action}")
    elif work is not None and shown and isinstance(run, Arming):
        member = transitions.note_armed(member, run, work.generation, ctx.now)
        ctx.on_member(Kind.RUN_ARMED, member, f"{run.action} is armed")
    elif seen.refusal:
        words = f"the hub refused the stage work: {seen.refusal}"
        end_run(ctx, member, run, RunResult.REFUSED, Cause.WRITE_REFUSED, words)
    elif why := "" if shown or seen.writing else _why_not_resend(ctx, member, run, seen):
        _withdraw(ctx, member, run, why)
    else:
        _unaccepted(ctx, member, run, cluster, seen, shown=shown)


_STOPPED = "it was not armed when ibgu had to stop"


def _why_not_resend(
    ctx: DecisionContext, member: InFlight, run: Arming | Armed, seen: Observation
) -> str:
    """Returns why an arming that did not reach the hub must not be sent (again); empty: it may be.
    After a conflict or a refusal it would rest on another version (R26.1)."""
    if not isinstance(run, Arming):
        return ""
    if _must_not_arm(ctx, seen, run.action, run.arming_at):
        return _STOPPED
    if by := ctx.canceller(member):
        return cancelled_by(by)
    return _not_startable(ctx, member, seen)


def _must_not_arm(
    ctx: DecisionContext, seen: Observation, action: ActionName, since: datetime
) -> bool:
    """Whether the run, not armed yet, was decided before the instant since which arming is allowed:
    its probe may be outdated. While TALM is live nothing is armed."""
    if seen.writing:
        return False
    return bool(ctx.talm_hold) or since < ctx.facts.armable_since(action)


def _withdraw(
    ctx: DecisionContext, member: InFlight, run: Intended | Arming | Armed, why: str
) -> None:
    end_run(ctx, member, run, RunResult.WITHDRAWN, None, why)


def _unaccepted(
    ctx: DecisionContext,
    member: InFlight,
    run: Arming | Armed,
    cluster: ClusterView,
    seen: Observation,
    *,
    shown: bool,
) -> None:
    work, late = seen.stage, passed(run.arming_at, ACCEPT_TIMEOUT, ctx.now)
    if cluster.deleting or not cluster.reachable:
        _withdraw_unaccepted(ctx, member, run, run.arming_at)
    elif traits(run.action).aborts and (late or (shown and _refused_now(ctx, run, work))):
        words = "the cluster did not accept it at once: ibgu probes it again first"
        _withdraw(ctx, member, run, words)
    elif isinstance(run, Armed) and (not shown or work is None or _tampered(work)):
        if not seen.writing:
            diverged(ctx, member, run, "the stage work was changed or deleted by someone else")
    elif shown and work is not None and work.apply_error:
        _end_refused(ctx, member, run, work)
    else:
        words = f"waits until the cluster accepts {run.action}"
        ctx.set_reason_for_hub(member, seen.denied, ReasonKind.ARMING, words)
        ctx.requeue_at(member.cluster, run.arming_at + ACCEPT_TIMEOUT)


def _tampered(work: WorkView) -> bool:
    return work.edited or work.terminating


def _refused_now(ctx: DecisionContext, run: Arming | Armed, work: WorkView | None) -> bool:
    refusal = ctx.driver.refusal(work, run.action) if work is not None else None
    return refusal is not None and refusal.cause is Cause.TRANSITION_REFUSED


def _end_refused(
    ctx: DecisionContext, member: InFlight, run: Arming | Armed, work: WorkView
) -> None:
    """Ends the run after two minutes of a final refusal; every other error heals by itself
    (R10.6)."""
    refusal = ctx.driver.refusal(work, run.action)
    if refusal is None or not refusal.final:
        ctx.set_reason(member, ReasonKind.APPLY_ERROR, work.apply_error, who=ActingParty.CLUSTER)
        ctx.requeue_at(member.cluster, run.arming_at + ACCEPT_TIMEOUT)
        return
    member = ctx.set_reason(member, ReasonKind.REFUSED, refusal.message, who=ActingParty.PERSON)
    if _settled(ctx, member):
        end_run(ctx, member, run, RunResult.REFUSED, refusal.cause, refusal.message)


def diverged(ctx: DecisionContext, member: InFlight, run: Armed | Accepted, what: str) -> None:
    """Ends the run without a label after two minutes of someone else's change (R9.6)."""
    member = ctx.set_reason(member, ReasonKind.DIVERGED, what, who=ActingParty.PERSON)
    if _settled(ctx, member):
        words = f"taken over by hand: {what}"
        end_run(ctx, member, run, RunResult.TAKEN_OVER, Cause.TAKEN_OVER, words)

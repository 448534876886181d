"""Decides on a run that the cluster has taken: what the cluster reports ends it (R7, R10, R12)."""

from ibgu.core.decide import transitions
from ibgu.core.decide.arming import diverged
from ibgu.core.decide.context import DecisionContext
from ibgu.core.decide.ending import end_run, succeed_run
from ibgu.core.decide.restored import unproven
from ibgu.core.model import (
    IbuView,
    Kind,
    Member,
    Observation,
    ReasonKind,
    Run,
    RunResult,
    RunState,
    Who,
    WorkView,
)
from ibgu.core.observe import VerdictKind, last_words, speaks_for, verdict


def decide_accepted(ctx: DecisionContext, member: Member, seen: Observation) -> None:
    run, work, cluster = member.run, seen.stage, seen.cluster
    assert run is not None
    assert cluster is not None
    if not cluster.reachable:
        _dark(ctx, member)
    elif work is not None and work.ibu is not None and speaks_for(work, run):
        _judge(ctx, _arrived(ctx, member, run), work.ibu)
    elif unproven(ctx, work):
        _without_evidence(ctx, member, work)
    elif _not_arrived(run, work):
        _begin_anew(ctx, member, seen)
    elif what := _foreign(ctx, member, work):
        if not seen.writing:
            diverged(ctx, member, what)
    else:
        _without_evidence(ctx, member, work)


def other_run(member: Member | None, work: WorkView | None) -> str:
    """Returns the run that the cluster shows in place of the one that it has taken; empty: none.

    Only the journal knows whose run that is: it must be asked before anything is decided.
    """
    run = member.run if member is not None else None
    if run is None or run.state is not RunState.ACCEPTED or work is None or work.ibu is None:
        return ""
    return work.ibu.run if work.ibu.run != run.id else ""


def _dark(ctx: DecisionContext, member: Member) -> None:
    assert member.run is not None
    if member.run.action.reboots:
        ctx.waits(member, ReasonKind.REBOOTING, "rebooting: the cluster is not reachable")
    else:
        words = "the cluster is not reachable"
        ctx.waits(member, ReasonKind.UNREACHABLE, words, who=Who.CLUSTER)


def _judge(ctx: DecisionContext, member: Member, ibu: IbuView) -> None:
    assert member.run is not None
    found = verdict(ibu, member.run.action)
    if found.kind is VerdictKind.SUCCEEDED:
        succeed_run(ctx, member)
    elif found.kind is VerdictKind.FAILED:
        assert found.cause is not None
        end_run(ctx, member, RunResult.FAILED, found.cause, found.message)
    else:
        _goes_on(ctx, member, last_words(ibu, member.run.action.stage))


def _goes_on(ctx: DecisionContext, member: Member, words: str) -> None:
    assert member.run is not None
    words = words or f"the cluster has taken {member.run.action}"
    ctx.waits(member, ReasonKind.RUNNING, words, who=Who.CLUSTER)


def _arrived(ctx: DecisionContext, member: Member, run: Run) -> Member:
    """Records that the cluster has taken what TALM had begun (R20.4)."""
    if run.armed_at is not None:
        return member
    member = transitions.accept_adopted(member, run, ctx.now)
    return ctx.on_member(Kind.RUN_ACCEPTED, member, f"the cluster took TALM's {run.action}")


def _not_arrived(run: Run, work: WorkView | None) -> bool:
    """Whether the cluster is in another stage and never showed that it took TALM's work (R20.4)."""
    if not run.adopted or run.armed_at is not None or work is None or work.ibu is None:
        return False
    return work.settled and work.ibu.current and work.ibu.stage != run.action.stage


def _begin_anew(ctx: DecisionContext, member: Member, seen: Observation) -> None:
    """Withdraws the run once TALM's work can't arrive any more; R8 then applies to the member."""
    assert member.run is not None
    if seen.talm:
        words = f"TALM's {member.run.action} has not reached the cluster"
        ctx.waits(member, ReasonKind.RUNNING, words)
    else:
        words = f"TALM's {member.run.action} never reached the cluster"
        end_run(ctx, member, RunResult.WITHDRAWN, None, words)


def _foreign(ctx: DecisionContext, member: Member, work: WorkView | None) -> str:
    """Returns what somebody else changed in the stage or in our work; empty: nothing."""
    run = member.run
    assert run is not None
    if work is None or work.terminating:
        # A work that only watches is created again.
        return "" if run.adopted else "the stage work was deleted by somebody else"
    if work.edited:
        return "the stage work was changed by somebody else"
    ibu = work.ibu
    if not (work.settled and ibu and ibu.current):
        return ""
    if ibu.stage != run.action.stage and not _old_state(ctx, member, ibu):
        return f"spec.stage is {ibu.stage}, ibgu asked for {run.action.stage}"
    if not run.adopted and ctx.fleet.foreign(ibu.run):
        return f"the ImageBasedUpgrade carries the unknown run {ibu.run or '(none)'}"
    return ""


def _old_state(ctx: DecisionContext, member: Member, ibu: IbuView) -> bool:
    """Whether the reported run may be an earlier one of ours: after a reboot the old etcd shows it
    until LCA restores (R9.7)."""
    assert member.run is not None
    earlier = ibu.run != member.run.id and not ctx.fleet.foreign(ibu.run)
    return member.run.action.reboots and earlier


def _without_evidence(ctx: DecisionContext, member: Member, work: WorkView | None) -> None:
    """Keeps the last message: nothing can be concluded now, and the limit runs."""
    words = member.reason.message if member.reason.kind is ReasonKind.RUNNING else ""
    if work is not None and work.ibu_available == "False":
        words = work.ibu_message or "the cluster shows no ImageBasedUpgrade"
    _goes_on(ctx, member, words)

"""Decides on the members of the clusters that a cycle concerns, each until a pass changes
nothing."""

from collections.abc import Sequence

from ibgu.core.engine.decide.context import MEMBERS_PER_CYCLE, DecisionContext
from ibgu.core.engine.decide.gated import kept_alone
from ibgu.core.engine.decide.member.elsewhere import note_unread
from ibgu.core.engine.decide.member.ending import (
    back_to_waiting,
    end_run,
    fail_next_action,
    timed_out,
)
from ibgu.core.engine.decide.member.forgotten import decide_forgotten
from ibgu.core.engine.decide.member.late import decide_finished
from ibgu.core.engine.decide.member.pausing import decide_paused
from ibgu.core.engine.decide.member.running import decide_in_flight
from ibgu.core.engine.decide.member.waiting import decide_waiting
from ibgu.core.model import Cause, Ended, Finished, InFlight, Member, RunResult, Waiting


def decide_members(ctx: DecisionContext, touched: Sequence[str]) -> None:
    """Decides on the members of the touched clusters, and of the whole rollout if its deletion or
    its hold has changed; those above MEMBERS_PER_CYCLE remain for the next cycle."""
    concerned = _concerned(ctx, touched)
    limit = max(len(touched), MEMBERS_PER_CYCLE)
    ctx.result.remaining += concerned[limit:]
    for cluster in concerned[:limit]:
        _decide_cluster(ctx, cluster)


def _concerned(ctx: DecisionContext, touched: Sequence[str]) -> list[str]:
    """Returns the clusters to decide on, those in flight first: every member that is not done with,
    if the rollout's deletion or hold has changed, else `touched`."""
    rollout, before, tracked = ctx.rollout, ctx.before, ctx.tracked
    if (rollout.deleted_at, rollout.hold) == (before.deleted_at, before.hold):
        return list(touched)
    in_flight = [name for step in tracked.steps for name in step.in_flight]
    others = [member.cluster for member in (*tracked.unfinished(), *tracked.watched())]
    paused = [name for step in tracked.steps for name in step.paused]
    return list(dict.fromkeys([*in_flight, *touched, *others, *paused]))


def _decide_cluster(ctx: DecisionContext, cluster: str) -> None:
    for step in ctx.tracked.steps:
        if cluster in step.members:
            decide_member(ctx, step.members[cluster])


def decide_member(ctx: DecisionContext, member: Member) -> None:
    """Decides on the member until a pass changes nothing: a run goes from state to
    state, a withdrawn member waits, an ended one is watched."""
    while True:
        before = member
        _decide_by_state(ctx, before)
        member = ctx.latest(before)
        advanced = isinstance(member, InFlight) and member != before
        if not (advanced or member.state is not before.state):
            return


def _decide_by_state(ctx: DecisionContext, member: Member) -> None:
    if decide_forgotten(ctx, member):
        if isinstance(left := ctx.latest(member), Waiting):
            decide_waiting(ctx, left)
    elif isinstance(member, Waiting):
        decide_waiting(ctx, member)
    elif ctx.observe(member.cluster).unread:
        note_unread(ctx, member)
    elif isinstance(member, InFlight):
        decide_in_flight(ctx, member)
    else:
        # A success that came late leaves to later steps what a failure would resume.
        decide_finished(ctx, member)
        found = ctx.latest(member)
        assert isinstance(found, Finished)
        decide_paused(ctx, found)


def leave_slot(ctx: DecisionContext, member: InFlight) -> None:
    """Takes the slot from a member past its limit (R11.3). One that a gate of its cluster alone
    keeps before its next action has not failed: it waits again. All others end."""
    if not kept_alone(member):
        expire(ctx, member)
        return
    decide_member(ctx, member)
    found = ctx.latest(member)
    if isinstance(found, InFlight) and isinstance(found.run, Ended) and kept_alone(found):
        words = f"leaves its slot to others, since its limit has passed: {found.reason.message}"
        back_to_waiting(ctx, found, found.run, words)
        decide_member(ctx, ctx.latest(found))


def expire(ctx: DecisionContext, member: InFlight) -> None:
    """Ends a member in flight because of its limit or the step's deadline (R11.3, R11.4), unless
    the hub shows what ends it otherwise: its turn may not have come yet (R11.7). A restored rollout
    stands still (R31.3)."""
    decide_member(ctx, member)
    found = ctx.latest(member)
    if not isinstance(found, InFlight) or ctx.rollout.stands_still:
        return
    if ctx.observe(member.cluster).unread:  # It has been noted, and is read again.
        return
    run = found.run
    if not isinstance(run, Ended):
        end_run(ctx, found, run, RunResult.LIMIT, Cause.TIMED_OUT, timed_out(found))
        decide_member(ctx, ctx.latest(found))
    elif run.disarmed:
        fail_next_action(ctx, found, Cause.TIMED_OUT, timed_out(found))

"""Decides on a step's life: deadline, clock, holds, its end (R1, R11, R19)."""

from collections.abc import Callable, Sequence

from msgspec.structs import replace

from ibgu.core.engine.decide import lifecycle
from ibgu.core.engine.decide.context import MEMBERS_PER_CYCLE, DecisionContext
from ibgu.core.engine.decide.gated import kept, only_stopped, release_kept
from ibgu.core.engine.decide.lifecycle import set_hold
from ibgu.core.engine.decide.member.ending import finish
from ibgu.core.engine.decide.member.members import decide_member, expire
from ibgu.core.engine.decide.step.asked_approvals import note_asked_approvals
from ibgu.core.engine.decide.step.follow_ups import follow_made
from ibgu.core.engine.decide.step.opening import start_listed_step
from ibgu.core.engine.decide.step.overdue import expire_canaries, expire_in_places, next_limit
from ibgu.core.engine.decide.step.preflight import take_findings
from ibgu.core.engine.decide.step.rollbacks import decide_rollbacks
from ibgu.core.engine.decide.step.starting import reopen, start_members
from ibgu.core.engine.gates import (
    CLOCK_STOPPING,
    ended_words,
    has_room,
    held_by_budget,
    inside_chain,
    raised,
    step_deadline,
    time_stopped,
    unusable,
)
from ibgu.core.engine.state import TrackedStep
from ibgu.core.engine.timing.times import SETTLE
from ibgu.core.model import (
    Cause,
    ClusterView,
    Finished,
    InFlight,
    Kind,
    Outcome,
    Reason,
    ReasonKind,
    Step,
    StepState,
    Unfinished,
    Waiting,
    names,
)
from ibgu.core.model.records import UNKNOWN_PAYLOAD


def decide_step(ctx: DecisionContext, listed: Sequence[ClusterView] | None) -> None:
    """Opens the step that `listed` is for, or decides on the running one, unless the cycle leaves
    members to the next one, which follows at once: a control may be about to skip them. What
    policies ask for comes first, since it may hold the step. Which approvals are missing comes
    last, since the step may be over."""
    follow_made(ctx)
    decide_rollbacks(ctx)
    if (tracked := ctx.tracked.current) is not None:
        _decide_current(ctx, tracked, listed)
    note_asked_approvals(ctx)


def _decide_current(
    ctx: DecisionContext, tracked: TrackedStep, listed: Sequence[ClusterView] | None
) -> None:
    if listed is not None and ctx.rollout.deleted_at is None:
        start_listed_step(ctx, tracked, listed)
    elif tracked.step.state is StepState.RUNNING and not ctx.result.remaining:
        _decide_running(ctx, tracked)


def _decide_running(ctx: DecisionContext, tracked: TrackedStep) -> None:
    unseen = step_deadline(tracked.step, ctx.now) <= ctx.facts.in_sync_since
    if ctx.rollout.deleted_at is None and unseen:
        # What stops the clock may have come while ibgu was away, too.
        _clock(ctx, tracked)
        tracked = ctx.tracked.steps[tracked.step.index]
    if ctx.rollout.deleted_at is None and not _at_deadline(ctx, tracked):
        _freeze_lost_payload(ctx, tracked)
        take_findings(ctx, tracked, tracked.members)
        _release_if_raised(ctx, tracked)
        start_members(ctx, tracked)
        expire_canaries(ctx, tracked)
        expire_in_places(ctx, tracked)
        _clock(ctx, tracked)
        if tracked.step.stopped_since is None:  # else the deadline moves on with the time
            due = step_deadline(tracked.step, ctx.now)
            ctx.requeue_at("", max(due, ctx.facts.in_sync_since + SETTLE))
        _wake_limits(ctx, tracked)
    if tracked.unfinished == 0:
        _finish_step(ctx, tracked)


def _freeze_lost_payload(ctx: DecisionContext, tracked: TrackedStep) -> None:
    """Freezes what is on the hub now as what the step carries, where the journal has lost that: a
    person has resumed the rollout since (R31.4)."""
    step, payload = tracked.step, ctx.snapshot.payload
    if step.payload_digest != UNKNOWN_PAYLOAD or ctx.rollout.stands_still:
        return
    if unusable(payload, ctx.now) is None:
        words = "what it carried before the journal was lost is not known"
        frozen = replace(step, payload_digest=payload.digest)
        carries = f"step {step.index + 1} carries what is on the hub now: {words}"
        ctx.on_step(Kind.STEP_RELEASED, frozen, carries)


def _release_if_raised(ctx: DecisionContext, tracked: TrackedStep) -> None:
    """Ends the hold of a spent budget once policies allow more, without a person (R50.9)."""
    hold = held_by_budget(tracked)
    if hold is not None and raised(ctx.snapshot, tracked):
        release_step(ctx, tracked, lambda step: step, ended_words(hold))


def release_step(
    ctx: DecisionContext, tracked: TrackedStep, resumed: Callable[[Step], Step], why: str
) -> None:
    """Ends the hold of the step. Its clock runs, and members that it kept inside their chain go on,
    or are decided on again if they have lost their slots. `resumed` returns the step as its gate
    leaves it."""
    if tracked.step.stopped_since is not None:
        start_clock(ctx, tracked.step)
    waiting = kept(tracked)
    ctx.on_step(Kind.STEP_RELEASED, set_hold(resumed(tracked.step), None), why)
    released = ctx.tracked.steps[tracked.step.index]
    release_kept(ctx, released, waiting, f"goes on: {why}")
    ctx.result.remaining += inside_chain(released)


def _at_deadline(ctx: DecisionContext, tracked: TrackedStep) -> bool:
    """Ends every unfinished member at the deadline; never within SETTLE after everything got in
    sync."""
    due = step_deadline(tracked.step, ctx.now)
    since = ctx.facts.in_sync_since
    if (
        tracked.step.stopped_since is not None
        or ctx.rollout.stands_still
        or ctx.now < (due if due > since else since + SETTLE)
        or tracked.unfinished == 0
    ):
        return False
    late = [each for each in tracked.members.values() if not isinstance(each, Finished)]
    late.sort(key=lambda each: each.slot is None)  # a slot that becomes free may be needed
    for member in late[:MEMBERS_PER_CYCLE]:
        _expire(ctx, member)
    ctx.result.remaining += [member.cluster for member in late[MEMBERS_PER_CYCLE:]]
    return True


def _expire(ctx: DecisionContext, member: Unfinished) -> None:
    """Ends the member. One whose cluster took a withdrawn run after all has begun (R9.5): it goes
    on as soon as a slot is free, and ends as the others in flight."""
    if isinstance(member, Waiting):
        decide_member(ctx, member)
        reopen(ctx, ctx.step(member))
    found = ctx.latest(member)
    if isinstance(found, InFlight):
        expire(ctx, found)
    elif isinstance(found, Waiting) and found.reason.kind is not ReasonKind.REOPENING:
        finish(
            ctx,
            found,
            Outcome.FAILED,
            cause=Cause.NEVER_STARTED,
            message=f"never started before the step's timeout: {found.reason.message}",
            failed_action=ctx.action(found),
        )


def _clock(ctx: DecisionContext, tracked: TrackedStep) -> None:
    """Stops the clock while only a person's hold or policies keep the step and no cluster is in
    flight within its limit (R11.6), and while a restored rollout stands still, no matter who is in
    flight."""
    step = tracked.step
    held = _by_person(step.hold) or _by_person(ctx.rollout.hold) or _paused_behind(ctx)
    stands = (
        (held and only_stopped(tracked, ctx.now))
        or tracked.kept_by_policies(ctx.now, room=has_room(ctx.tracked, tracked))
        or ctx.rollout.stands_still
    )
    if stands and step.stopped_since is None and tracked.unfinished:
        # Noted after the deadline, it stood before: some time is left when it runs again.
        due = step_deadline(step, ctx.now)
        stopped = lifecycle.stop_clock(step, ctx.now if due > ctx.now else due - SETTLE)
        words = "the step's timeout does not count until its clusters can go on"
        ctx.on_step(Kind.CLOCK_STOPPED, stopped, words)
    elif step.stopped_since is not None and not stands:
        start_clock(ctx, step)


def _by_person(hold: Reason | None) -> bool:
    return hold is not None and hold.kind in CLOCK_STOPPING


def _paused_behind(ctx: DecisionContext) -> bool:
    """Whether a person has paused the rollout, and another hold of it stands in front."""
    found = ctx.snapshot.object
    annotations = found.metadata.annotations if found is not None else {}
    return ctx.rollout.hold is not None and names.PAUSE in annotations


def start_clock(ctx: DecisionContext, step: Step) -> None:
    runs = lifecycle.run_clock(step, time_stopped(step, ctx.now))
    ctx.on_step(Kind.CLOCK_STARTED, runs, "the step's timeout counts again")


def _wake_limits(ctx: DecisionContext, tracked: TrackedStep) -> None:
    due = next_limit(ctx, tracked)
    if due is not None:
        ctx.requeue_at("", due)


def _finish_step(ctx: DecisionContext, tracked: TrackedStep) -> None:
    """Finishes the step whose last member has finished; the cycle then opens the next one."""
    counts = tracked.outcomes
    words = ", ".join(f"{counts[outcome]} {outcome}" for outcome in Outcome if counts[outcome])
    ctx.on_step(
        Kind.STEP_FINISHED,
        lifecycle.finish_step(tracked.step, ctx.now),
        f"step {tracked.step.index + 1} is finished: {words or 'no clusters'}",
    )

"""A step's life: deadline, clock, holds, its end (R1, R11, R19)."""

from ibgu.core.decide.braking import only_braked
from ibgu.core.decide.ending import finish
from ibgu.core.decide.running import expire
from ibgu.core.decide.starting import next_limit, start_members
from ibgu.core.decide.turn import MOST, Turn
from ibgu.core.fleet import TrackedStep
from ibgu.core.gates import STANDING, deadline
from ibgu.core.model import (
    Cause,
    Kind,
    Member,
    MemberState,
    Outcome,
    Step,
    StepState,
)
from ibgu.core.times import SETTLE


def decide_step(turn: Turn, tracked: TrackedStep) -> None:
    """What a running step does after its touched members were decided."""
    if turn.rollout.deleted_at is None and not _at_deadline(turn, tracked):
        start_members(turn, tracked)
        _clock(turn, tracked)
        turn.wake("", max(deadline(tracked.step, turn.now), turn.facts.in_sync_since + SETTLE))
        _wake_limits(turn, tracked)
    if tracked.unfinished == 0:
        _finish_step(turn, tracked)


def _at_deadline(turn: Turn, tracked: TrackedStep) -> bool:
    """End everybody who is not done; never within SETTLE after everything got in sync."""
    due = deadline(tracked.step, turn.now)
    since = turn.facts.in_sync_since
    if (
        turn.rollout.stands_still
        or turn.now < (due if due > since else since + SETTLE)
        or tracked.unfinished == 0
    ):
        return False
    late = [name for name in tracked.members if not tracked.members[name].finished]
    for name in late[:MOST]:
        _expire(turn, tracked.members[name])
    turn.answer.left += late[MOST:]
    return True


def _expire(turn: Turn, member: Member) -> None:
    if member.state is not MemberState.WAITING:
        expire(turn, member)
        return
    finish(
        turn,
        member,
        Outcome.FAILED,
        cause=Cause.NEVER_STARTED,
        message=f"never started before the step's timeout: {member.reason.message}",
        failed_action=turn.action(member),
    )


def _clock(turn: Turn, tracked: TrackedStep) -> None:
    """It stands while a person's hold alone keeps the step, with nobody on the way (R11.6), and
    while the rollout stands still after a restore, whoever is in flight."""
    step = tracked.step
    held = _by_person(step) or turn.rollout.paused
    stands = (held and only_braked(tracked)) or turn.rollout.stands_still
    if stands and step.stopped_since is None and tracked.unfinished:
        turn.on_step(
            Kind.CLOCK_STOPPED, step, "the step's clock is stopped", stopped_since=turn.now
        )
    elif step.stopped_since is not None and not stands:
        start_clock(turn, step)


def _by_person(step: Step) -> bool:
    return step.hold is not None and step.hold.kind in STANDING


def start_clock(turn: Turn, step: Step) -> None:
    assert step.stopped_since is not None
    stopped = step.stopped + (turn.now - step.stopped_since)
    turn.on_step(
        Kind.CLOCK_STARTED, step, "the step's clock runs", stopped=stopped, stopped_since=None
    )


def _wake_limits(turn: Turn, tracked: TrackedStep) -> None:
    due = next_limit(turn, tracked)
    if due is not None:
        turn.wake("", due)


def _finish_step(turn: Turn, tracked: TrackedStep) -> None:
    counts = {outcome: tracked.counts[outcome] for outcome in Outcome}
    words = ", ".join(f"{count} {outcome}" for outcome, count in counts.items() if count)
    turn.on_step(
        Kind.STEP_FINISHED,
        tracked.step,
        f"step {tracked.step.index + 1} is finished: {words or 'no clusters'}",
        state=StepState.FINISHED,
        finished_at=turn.now,
        hold=None,
        stopped_since=None,
    )

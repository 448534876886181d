"""Who starts next: looks ahead, free slots, limits that make room (R3, R4, R8, R11)."""

from datetime import datetime

from msgspec.structs import replace

from ibgu.core.book import StepBook
from ibgu.core.decide.arming import intend
from ibgu.core.decide.ending import end_run, timed_out
from ibgu.core.decide.looking import ask, fresh
from ibgu.core.decide.running import decide_running
from ibgu.core.decide.turn import Turn
from ibgu.core.gates import deadline, held, share, waves
from ibgu.core.model import (
    Cause,
    Kind,
    Member,
    MemberState,
    Preempt,
    Reason,
    ReasonKind,
    Run,
    RunResult,
    RunState,
)
from ibgu.core.times import SETTLE

AHEAD = 10
"""At least so many members are looked at before their turn comes."""


def start_members(turn: Turn, step: StepBook) -> None:
    _reopen(turn, step)
    window = max(AHEAD, step.step.max_concurrency)
    started = _take_slots(turn, step, step.head(window))
    _look_ahead(turn, step, step.head(window))
    if started == 0:
        _make_room(turn, step, step.head(window))


def _reopen(turn: Turn, step: StepBook) -> None:
    """Withdrawn runs that the cluster took after all come before everybody else (R9)."""
    for name in list(step.reopening):
        slot = next(step.free_slots(), None)
        if slot is None:
            return
        member = step.members[name]
        turn.on_member(
            Kind.RUN_REOPENED,
            member,
            "the cluster took the withdrawn run after all",
            state=MemberState.IN_FLIGHT,
            slot=slot,
            limit=limit_of(turn, step),
            look=None,
            run=_reopened(turn, member),
            reason=Reason(ReasonKind.RUNNING, turn.now, "reopened"),
        )
        decide_running(turn, step.members[name])


def _reopened(turn: Turn, member: Member) -> Run:
    assert member.run is not None
    return replace(
        member.run,
        state=RunState.ACCEPTED,
        accepted_at=turn.now,
        ended_at=None,
        result=None,
        cause=None,
        message="",
    )


def _take_slots(turn: Turn, step: StepBook, head: list[Member]) -> int:
    """Give the free slots to the first members that are ready; answers to how many."""
    started = 0
    if step.reopening:
        return started
    for member in head:
        slot = next(step.free_slots(), None)
        if slot is None or not _may(turn, step, member):
            break
        if member.reason.kind is ReasonKind.READY and fresh(turn, member):
            start(turn, step, member, slot)
            started += 1
        elif member.reason.kind is ReasonKind.READY:
            ask(turn, member)
        elif member.reason.kind is ReasonKind.PREEMPTING:
            _preempt(turn, member)
    return started


def _may(turn: Turn, step: StepBook, member: Member) -> bool:
    """All gates are open; a closed one is noted once, on the step."""
    reason = held(turn.snapshot, step, member, turn.now)
    hold = step.step.hold
    if reason is None:
        return True
    if hold is None or hold.kind is not reason.kind:
        turn.on_step(Kind.STEP_HELD, step.step, reason.message, warning=True, hold=reason)
    return False


def _preempt(turn: Turn, member: Member) -> None:
    if member.uid not in turn.world.preempts:
        turn.say(Preempt(member.cluster, member.uid, turn.rollout.full_name))


def start(turn: Turn, step: StepBook, member: Member, slot: int) -> None:
    began = member.started_at or turn.now
    limit = limit_of(turn, step)
    decide_running(turn, intend(turn, member, slot=slot, limit=limit, started_at=began))


def limit_of(turn: Turn, step: StepBook) -> datetime:
    """The larger of the member's share and what the time left allows (R11)."""
    left = deadline(step.step, turn.now) - turn.now
    room = left / waves(max(1, step.not_started), step.step)
    return turn.now + max(share(step), room)


def _look_ahead(turn: Turn, step: StepBook, head: list[Member]) -> None:
    for member in head:
        if member.reason.kind is ReasonKind.SLOT and member.look is None:
            ask(turn, member)


def _make_room(turn: Turn, step: StepBook, head: list[Member]) -> None:
    """A member past its limit yields its slot to one that is ready (R11)."""
    if not step.full:
        return
    ready = [m for m in head if m.reason.kind in (ReasonKind.READY, ReasonKind.REOPENING)]
    late = sorted(_overdue(turn, step), key=_limit)
    for member in late[: len(ready)]:
        end_run(turn, member, RunResult.LIMIT, Cause.TIMED_OUT, timed_out(member))
        decide_running(turn, turn.again(member))


def _limit(member: Member) -> datetime:
    assert member.limit is not None
    return member.limit


def _overdue(turn: Turn, step: StepBook) -> list[Member]:
    members = (step.members[name] for name in step.in_flight)
    return [m for m in members if m.run and m.run.open and turn.now >= judged_limit(turn, m)]


def judged_limit(turn: Turn, member: Member) -> datetime:
    """A limit that passed while nobody could look fails nobody until SETTLE after that."""
    limit = _limit(member)
    since = turn.facts.in_sync_since
    return limit if limit > since else since + SETTLE

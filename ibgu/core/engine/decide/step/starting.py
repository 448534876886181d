"""Starts members: probes ahead, free slots, limits that make room (R3, R4, R8, R11)."""

from bisect import bisect_left
from itertools import accumulate, islice

from msgspec.structs import replace

from ibgu.core.engine.decide.context import DecisionContext
from ibgu.core.engine.decide.gated import closed_gate, hold_step, kept_alone
from ibgu.core.engine.decide.lifecycle import set_hold
from ibgu.core.engine.decide.member.arming import intend_first
from ibgu.core.engine.decide.member.members import decide_member, leave_slot
from ibgu.core.engine.decide.member.patches import auto_import_off, enqueue
from ibgu.core.engine.decide.member.probing import ask, ask_before_place, fresh
from ibgu.core.engine.decide.member.waiting import decide_waiting, feedback_suffices
from ibgu.core.engine.decide.step.overdue import (
    awaits_disarm,
    fitting_together,
    leaving,
    start_is_kept,
)
from ibgu.core.engine.gates import (
    LASTING,
    allowed_starts,
    closed,
    ended_words,
    has_room,
    limit,
    look_ahead,
    opened,
    room_after,
    same_hold,
    start_delay,
    step_rate_limits,
    stops_all,
    unread,
)
from ibgu.core.engine.state import TrackedStep
from ibgu.core.engine.timing.times import PROBE_GRACE, SETTLE, passed
from ibgu.core.model import (
    Ended,
    Kind,
    Preempt,
    Reason,
    ReasonKind,
    Waiting,
    names,
    traits,
    transitions,
)
from ibgu.core.text.spans import duration

_AT_ONCE = frozenset({ReasonKind.READY, ReasonKind.START_JITTER})
_STARTABLE = _AT_ONCE | {ReasonKind.PREEMPTING}
PREPARE_AHEAD = 64
"""The most members that are prepared for their action ahead of their slot, or asked ahead of their
place of a policy; a write takes some 20 ms, so this suffices for thousands of starts a second."""


def start_members(ctx: DecisionContext, step: TrackedStep) -> None:
    """Starts the members that may start. Without a free slot it visits the next members only, not
    all that wait. In a held rollout no cluster is probed or gets a slot, even with the hold not yet
    noted on the member."""
    ahead = look_ahead(step)
    _fill(ctx, step, ahead)
    if _make_room(ctx, step, ahead):
        _fill(ctx, step, ahead)
    _note_rate_limit(ctx, step)
    if ctx.rollout.hold is None:
        _probe_ahead(ctx, step, ahead)


def _fill(ctx: DecisionContext, step: TrackedStep, ahead: int) -> None:
    reopen(ctx, step)
    if ctx.rollout.hold is not None or step.reopening:
        return
    if step.free > 0:
        _take_slots(ctx, step, ahead)
        _hold_behind_policies(ctx, step)


def _decide_again(ctx: DecisionContext, member: Waiting) -> Waiting | None:
    """Decides on the waiting member once more, and returns it: an earlier decision of this cycle,
    or of another rollout, may keep it from starting. One whose probe is unanswered stays as it is.

    None: it has finished.
    """
    if member.reason.kind is ReasonKind.PROBING:
        return member
    decide_waiting(ctx, member)
    found = ctx.latest(member)
    return found if isinstance(found, Waiting) else None


def reopen(ctx: DecisionContext, step: TrackedStep) -> None:
    """Reopens withdrawn runs that the cluster took after all, before everybody else (R9.5)."""
    for waiting in list(step.reopening.values()):
        slot = next(step.free_slots(), None)
        if slot is None:
            return
        member = _decide_again(ctx, waiting)
        if member and member.run and member.reason.kind is ReasonKind.REOPENING:
            _continue_run(ctx, step, member, member.run, slot)


def _continue_run(
    ctx: DecisionContext, step: TrackedStep, member: Waiting, run: Ended, slot: int
) -> None:
    until = limit(ctx.tracked, step, ctx.now)
    reopened = transitions.reopen(member, run, slot=slot, limit=until, now=ctx.now)
    words = "the cluster accepted the withdrawn run after all"
    decide_member(ctx, ctx.on_member(Kind.RUN_REOPENED, reopened, words))


def _take_slots(ctx: DecisionContext, step: TrackedStep, ahead: int) -> None:
    """Gives the free slots to the first members that are ready. One for which a gate has just
    closed takes no place in the look-ahead: those behind it may overtake it.

    A slot is kept for an earlier member that was probed a moment ago or is put off by jitter, and
    for a member that preempts another rollout once the slot reaches it. A member preempts only if
    those before it, which may be ready in a moment, leave a slot for it.
    """
    kept: list[Waiting] = []
    asked, decided = 0, -1
    for waiting in step.queued():
        if ahead == 0:
            return
        if step.free <= len(kept):
            _when_grace_ends(ctx, kept)
            return
        # What gates read changes within a cycle by decisions alone: clusters that do not answer
        # make none.
        if decided != len(ctx.result.decisions) and not _hold_if_gated(ctx, step):
            return
        decided = len(ctx.result.decisions)
        ahead -= 1
        member = _decide_again(ctx, waiting)
        if member is None:
            asked += 1
        elif member.reason.kind in _AT_ONCE and fresh(ctx, member):
            if _delay_by_jitter(ctx, step, member):
                kept.append(member)
            else:
                _start_member(ctx, step, member, next(step.free_slots()))
        elif member.reason.kind is ReasonKind.PREEMPTING:
            if step.free > len(kept) + asked:
                _preempt(ctx, member)
                kept.append(member)
        elif member.reason.gate:
            ahead += 1
        elif _in_grace(ctx, member := _with_probe(ctx, member)):
            kept.append(member)
        else:
            asked += 1


def _with_probe(ctx: DecisionContext, member: Waiting) -> Waiting:
    """Returns the member with a probe under way; what is known may be too old for an Abort
    (R9.4)."""
    return ask(ctx, member) if member.reason.kind in (ReasonKind.SLOT, ReasonKind.READY) else member


def _in_grace(ctx: DecisionContext, member: Waiting) -> bool:
    """Whether the member keeps its place (R4.2) because its answer is due in a moment."""
    if member.reason.kind is not ReasonKind.PROBING or member.probe is None:
        return False
    return not passed(member.probe.asked_at, PROBE_GRACE, ctx.now)


def _when_grace_ends(ctx: DecisionContext, kept: list[Waiting]) -> None:
    """Requeues when the first grace ends: that member loses its place to a ready one behind it."""
    ends = [(m.probe.asked_at + PROBE_GRACE, m.cluster) for m in kept if m.probe is not None]
    if ends:
        when, cluster = min(ends)
        ctx.requeue_at(cluster, when)


def _hold_if_gated(ctx: DecisionContext, step: TrackedStep) -> bool:
    """Records a closed gate of rollout or step, once until it opens; returns whether starts are
    allowed. Gates of members are `waiting._block_if_needed`'s."""
    reason = closed(ctx.snapshot, step, ctx.now)
    hold = step.step.hold
    if reason is None or not stops_all(reason):
        if hold is not None and stops_all(hold):
            ctx.on_step(Kind.STEP_RELEASED, set_hold(step.step, None), ended_words(hold))
        return reason is None
    if reason.until is not None:
        ctx.requeue_at("", reason.until)
    if not same_hold(hold, reason) and not _reading(ctx, reason):
        hold_step(ctx, step, reason)
    return False


def _hold_behind_policies(ctx: DecisionContext, step: TrackedStep) -> None:
    """Records a hold that a person must end, even while policies keep all who wait: otherwise
    nobody would know of it before they let somebody start."""
    if step.step.hold is not None or not step.kept or next(step.head(1), None) is not None:
        return
    reason = closed(ctx.snapshot, step, ctx.now)
    if reason is not None and reason.kind in LASTING:
        hold_step(ctx, step, reason)


def _note_rate_limit(ctx: DecisionContext, step: TrackedStep) -> None:
    """Notes on the step's record, not in the history, which rate limit delays members that could
    start."""
    old, limits = step.step.hold, step_rate_limits(ctx.tracked, step)
    if old is None and limits.none and not ctx.facts.starts_per_minute:
        return
    could_start = step.free > 0 and next(step.head(1), None) is not None
    reason = closed(ctx.snapshot, step, ctx.now) if could_start else None
    if old is not None and opened(old, ctx.snapshot, step, ctx.now):
        ctx.on_step(Kind.STEP_RELEASED, set_hold(step.step, None), ended_words(old))
        old = None
    if stops_all(old) or stops_all(reason):
        return
    if reason is not None and reason.until is not None:
        ctx.requeue_at("", reason.until)
    if reason is not None and old is not None and reason.kind is old.kind:
        reason = replace(reason, since=old.since)
    if reason != old:
        words = reason.message if reason else "no rate limit delays a cluster"
        ctx.on_step(Kind.STEP_RATE_LIMITED, set_hold(step.step, reason), words)


def _reading(ctx: DecisionContext, reason: Reason) -> bool:
    """Whether ibgu has just started and still reads the step's payload, which needs no hold."""
    settled = ctx.facts.in_sync_since + SETTLE
    if not unread(reason, ctx.snapshot) or ctx.now >= settled:
        return False
    ctx.requeue_at("", settled)
    return True


def _preempt(ctx: DecisionContext, member: Waiting) -> None:
    if member.uid not in ctx.fleet.preempts:
        ctx.decide(Preempt(member.cluster, member.uid, ctx.rollout.full_name))


def _delay_by_jitter(ctx: DecisionContext, step: TrackedStep, member: Waiting) -> bool:
    """Whether the member waits for its part of the jitter, which follows from member and attempt
    and counts from when it could have started first, also if it waited for a place since."""
    jitter, delay = step_rate_limits(ctx.tracked, step), start_delay(ctx.tracked, step, member)
    waits = member.reason.kind is ReasonKind.START_JITTER
    if waits and member.reason.since > ctx.now:
        return False  # set by a clock that was set back: it may be long ago
    since = member.reason.since if waits else ctx.now
    due = min(since, step.put_off.get(member.cluster, since)) + delay
    if ctx.now >= due:
        return False
    words = f"put off by a part of {duration(jitter.jitter)} ({names.START_JITTER})"
    ctx.set_reason(member, ReasonKind.START_JITTER, words, until=due)
    ctx.requeue_at(member.cluster, due)
    return True


def _start_member(ctx: DecisionContext, step: TrackedStep, member: Waiting, slot: int) -> None:
    until = limit(ctx.tracked, step, ctx.now)
    step.put_off.pop(member.cluster, None)
    decide_member(ctx, intend_first(ctx, member, slot, until))


def _probe_ahead(ctx: DecisionContext, step: TrackedStep, ahead: int) -> None:
    for member in step.unprobed(ahead):
        ask(ctx, member)
    for member in list(islice(step.waiting_for_places(), min(PREPARE_AHEAD, ahead))):
        seen = ctx.observe(member.cluster)
        if member.probe is None and not feedback_suffices(ctx, member, seen):
            ask_before_place(ctx, member)
    needing = [action for action in step.step.actions if traits(action).import_off]
    if needing:
        for member in step.head(min(PREPARE_AHEAD, ahead)):
            if member.reason.kind is ReasonKind.READY and ctx.action(member) in needing:
                _turn_import_off(ctx, step, member)


def _turn_import_off(ctx: DecisionContext, step: TrackedStep, member: Waiting) -> None:
    """Turns automatic import off ahead of the action that needs it, so that it costs no slot's
    time (R14.2); undone if the action never starts."""
    cluster = ctx.snapshot.cluster(member.cluster)
    if cluster is None or member.uid in ctx.fleet.pending_patches:
        return
    wishes = auto_import_off(ctx, cluster, claimed=False)
    if wishes and not closed(ctx.snapshot, step, ctx.now):
        enqueue(ctx, cluster, wishes, f"{ctx.action(member)} is next")


def _make_room(ctx: DecisionContext, step: TrackedStep, ahead: int) -> bool:
    """Takes slots from members past their limit for others that could start now (R11.3).

    In a ramp-up they give up their place: a stuck member must not keep everybody at its ramp-up
    level. But while more are in flight than the ramp-up allows, a member ends only if somebody can
    start then. A member that waits for a start rate takes no slot.
    """
    late = [] if has_room(ctx.tracked, step) else leaving(ctx, step)
    if not late:
        return False
    heads = [member for member in list(step.head(ahead)) if _asks_for_slot(ctx, step, member)]
    heads = fitting_together(ctx, step, heads)
    asking = allowed_starts(ctx.snapshot, step, ctx.now, len(heads))
    # A ramp-up keeps no run from going on that its cluster took after all.
    reopening = min(asking, sum(each.reason.kind is ReasonKind.REOPENING for each in heads))
    disarming = sum(map(awaits_disarm, step.in_flight.values()))
    ends = accumulate((not kept_alone(each) for each in late), initial=disarming)
    rooms = [
        room_after(ctx.tracked, step, disarming + index, ended) for index, ended in enumerate(ends)
    ]
    starts = min(asking, rooms[-1]) - reopening
    if max(starts, reopening) <= 0:
        return False
    ending = bisect_left(rooms, starts + reopening) if starts > 0 else 0
    for member in late[: max(ending, reopening - disarming)]:
        leave_slot(ctx, member)
    return True


def _asks_for_slot(ctx: DecisionContext, step: TrackedStep, member: Waiting) -> bool:
    """Whether the member could start now if it had a slot."""
    if member.reason.kind is ReasonKind.REOPENING:
        return True
    if member.reason.kind not in _STARTABLE:
        return False
    if _passed_by(ctx, member):
        # Noted, it may need the place of one that is late (R11.3), and no slot.
        _decide_again(ctx, member)
        return False
    if start_is_kept(ctx, step):
        return False
    # A slot that jitter leaves empty is taken from nobody: the delay passes first.
    return not (member.reason.kind in _AT_ONCE and _delay_by_jitter(ctx, step, member))


def _passed_by(ctx: DecisionContext, member: Waiting) -> bool:
    """Whether a policy's gate has closed for the member since it was decided on."""
    seen = ctx.observe(member.cluster)
    return closed_gate(ctx, member, ctx.snapshot.policies, seen) is not None

"""The circuit breaker inside of a chain: no Upgrade follows its Prep while it holds the step
(R19.3).

What is under way goes on to its end; what would begin now is what the circuit breaker is there
for, whether its member waits for a slot or has one. Who is kept so keeps slot and hold until a
person resumes.
"""

from ibgu.core.decide.context import DecisionContext
from ibgu.core.fleet import TrackedStep
from ibgu.core.gates import LASTING, limit
from ibgu.core.gates.circuit_breaker import circuit_breaker
from ibgu.core.model import Kind, Member, MemberState, Reason, ReasonKind, RunResult, Who


def kept_by_circuit_breaker(ctx: DecisionContext, member: Member) -> bool:
    """Whether the member's next action may not begin now; that is noted on it, and on its step."""
    if not ctx.action(member).reboots:
        return False
    tracked = ctx.step(member)
    hold = tracked.step.hold
    lasting = hold is not None and hold.kind in LASTING
    if lasting and member.reason.kind is ReasonKind.CIRCUIT_BREAKER:
        return True
    reason = hold if _engaged(hold) else circuit_breaker(ctx.snapshot, tracked, member, ctx.now)
    if reason is None:
        return False
    if not lasting:
        hold_step(ctx, tracked, reason)
    ctx.waits(member, ReasonKind.CIRCUIT_BREAKER, reason.message, who=Who.PERSON)
    return True


def _engaged(hold: Reason | None) -> bool:
    return hold is not None and hold.kind is ReasonKind.CIRCUIT_BREAKER


def hold_step(ctx: DecisionContext, tracked: TrackedStep, reason: Reason) -> None:
    ctx.on_step(Kind.STEP_HELD, tracked.step, reason.message, warning=True, hold=reason)


def stopped(tracked: TrackedStep, member: Member) -> bool:
    """It has its slot, and only the circuit breaker keeps it from what comes next. Its own reason
    may be another one for a while: it is dark, or busy."""
    if not _between(member) or member.action_index == len(tracked.step.actions):
        return False
    kept = _engaged(tracked.step.hold) or member.reason.kind is ReasonKind.CIRCUIT_BREAKER
    return kept and tracked.step.actions[member.action_index].reboots


def _between(member: Member) -> bool:
    run = member.run
    succeeded = run is not None and run.result is RunResult.SUCCEEDED and run.disarmed
    return member.state is MemberState.IN_FLIGHT and succeeded


def only_stopped(tracked: TrackedStep) -> bool:
    """Nobody is on the way: all who have a slot are kept."""
    return all(stopped(tracked, tracked.members[name]) for name in tracked.in_flight)


def kept(tracked: TrackedStep) -> list[Member]:
    return [
        tracked.members[name]
        for name in tracked.in_flight
        if stopped(tracked, tracked.members[name])
    ]


def let_go(ctx: DecisionContext, tracked: TrackedStep, members: list[Member]) -> None:
    """They get the time that one gets who starts now. The next turn decides about them; nothing is
    done for them before."""
    until = limit(ctx.tracked, tracked, ctx.now)
    reason = Reason(ReasonKind.PREPARING, ctx.now, "goes on after the circuit breaker")
    for member in members:
        ctx.on_member(Kind.WAITS, member, reason.message, limit=until, reason=reason)
        ctx.result.remaining.append(member.cluster)

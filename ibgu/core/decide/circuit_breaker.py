"""Applies the circuit breaker inside a chain: no Upgrade follows its Prep while it holds the step
(R19.3).

An action under way runs to its end; the circuit breaker stops the next one, whether its member
waits for a slot or has one. A stopped member keeps slot and claim until a person resumes.
"""

from ibgu.core.decide.context import DecisionContext
from ibgu.core.fleet import TrackedStep
from ibgu.core.gates import LASTING, limit
from ibgu.core.gates.circuit_breaker import CIRCUIT_BREAKER
from ibgu.core.model import Kind, Member, MemberState, Reason, ReasonKind, RunResult, Who


def kept_by_circuit_breaker(ctx: DecisionContext, member: Member) -> bool:
    """Whether the circuit breaker stops the member's next action; notes that on member and step."""
    if not ctx.action(member).reboots:
        return False
    tracked = ctx.step(member)
    hold = tracked.step.hold
    lasting = hold is not None and hold.kind in LASTING
    if lasting and member.reason.kind is ReasonKind.CIRCUIT_BREAKER:
        return True
    reason = hold if _engaged(hold) else CIRCUIT_BREAKER.check(ctx.snapshot, tracked, ctx.now)
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
    """Whether the member has its slot and only the circuit breaker keeps it from its next action.
    Its own reason may differ for a while: it is unreachable, or busy."""
    if not _between(member) or member.action_index == len(tracked.step.actions):
        return False
    kept = _engaged(tracked.step.hold) or member.reason.kind is ReasonKind.CIRCUIT_BREAKER
    return kept and tracked.step.actions[member.action_index].reboots


def _between(member: Member) -> bool:
    run = member.run
    succeeded = run is not None and run.result is RunResult.SUCCEEDED and run.disarmed
    return member.state is MemberState.IN_FLIGHT and succeeded


def only_stopped(tracked: TrackedStep) -> bool:
    """Whether the circuit breaker stops every member that has a slot."""
    return all(stopped(tracked, tracked.members[name]) for name in tracked.in_flight)


def kept(tracked: TrackedStep) -> list[Member]:
    return [
        tracked.members[name]
        for name in tracked.in_flight
        if stopped(tracked, tracked.members[name])
    ]


def let_go(ctx: DecisionContext, tracked: TrackedStep, members: list[Member]) -> None:
    """Gives the members the limit of one that starts now. The next cycle decides on them."""
    until = limit(ctx.tracked, tracked, ctx.now)
    reason = Reason(ReasonKind.PREPARING, ctx.now, "goes on after the circuit breaker")
    for member in members:
        ctx.on_member(Kind.WAITS, member, reason.message, limit=until, reason=reason)
        ctx.result.remaining.append(member.cluster)

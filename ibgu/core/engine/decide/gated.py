"""Asks gates about one member: one that waits, and one that has its slot and whose next action a
gate guards (R18, R19.3).

An action under way runs to its end; a closed gate stops the next one. A member that has its slot
keeps slot and claim meanwhile.
"""

from collections.abc import Container, Iterable
from datetime import datetime

from ibgu.core.engine.decide.context import DecisionContext
from ibgu.core.engine.decide.lifecycle import set_hold
from ibgu.core.engine.gate import GateInput
from ibgu.core.engine.gates import (
    ACCEPTABLE,
    FOR_A_PERSON,
    GATE_REASONS,
    GATES,
    LASTING,
    Candidate,
    Gate,
    RolloutGate,
    StepGate,
    closed,
    closed_for,
    guarding,
    in_order,
    limit,
    stops_all,
)
from ibgu.core.engine.state import TrackedStep, is_late
from ibgu.core.model import (
    ClusterView,
    Finished,
    InFlight,
    Kind,
    Observation,
    Reason,
    ReasonKind,
    Unfinished,
    transitions,
)


def closed_gate(
    ctx: DecisionContext, member: Unfinished, gates: Iterable[Gate], seen: Observation
) -> Reason | None:
    """Returns why one of the gates keeps the member from its next action; None: none does."""
    cluster = seen.cluster
    if cluster is None:
        return None
    reason = closed_for(gates, _candidate(ctx, member, cluster, seen))
    if reason is not None and reason.until is not None:
        ctx.requeue_at(member.cluster, reason.until)
    return reason


def _candidate(
    ctx: DecisionContext, member: Unfinished, cluster: ClusterView, seen: Observation
) -> Candidate:
    found, tracked = ctx.snapshot.object, ctx.step(member)
    step = tracked.step
    return Candidate(
        action=ctx.action(member),
        rest=step.actions[member.action_index :],
        begun=member.under_way,
        cluster=cluster,
        seen=seen,
        scope=ctx.snapshot.scope,
        annotations=found.metadata.annotations if found is not None else {},
        accepted=member.accepted_warning,
        preflight=step.preflight,
        step=tracked,
        consent=ctx.consent(),
        canaries=ctx.snapshot.canaries,
        demands=ctx.snapshot.demands,
        lacks_backup=ctx.lacks_backup,
        now=ctx.now,
    )


def closed_meanwhile(ctx: DecisionContext, member: InFlight, seen: Observation) -> Reason | None:
    """Returns why the action that has its slot must not be armed now; None: no gate has closed
    since the slot was given. Limits and rates are not asked: the member has its place. Once a run
    of the member has succeeded, only what guards actions inside a chain is asked (R18.7)."""
    if member.action_index or member.under_way:
        reason = kept_before_next(ctx, member, seen)
        if reason is not None or member.under_way:
            return reason
    reason = closed(ctx.snapshot, ctx.step(member), ctx.now)
    if stops_all(reason):
        return reason
    return closed_but_limits(ctx, member, seen)


def closed_but_limits(ctx: DecisionContext, member: Unfinished, seen: Observation) -> Reason | None:
    """Returns why a gate of the member alone is closed; those of limits are not asked."""
    asked = in_order(ctx.snapshot.policies)
    gates = [gate for gate in asked if GateInput.IN_FLIGHT not in gate.needs]
    return closed_gate(ctx, member, gates, seen)


def kept_in_chain(ctx: DecisionContext, member: InFlight, seen: Observation) -> bool:
    """Whether a gate keeps the member's next action; notes that on the member, and a hold that a
    person must end on the step."""
    kept = kept_before_next(ctx, member, seen)
    if kept is not None:
        ctx.note_reason(member, kept)
        return True
    known = GATE_REASONS.get(member.reason.kind)
    if known is not None and known.opened:
        release_kept(ctx, ctx.step(member), [member], known.opened)
        return True
    return False


def kept_before_next(ctx: DecisionContext, member: Unfinished, seen: Observation) -> Reason | None:
    """Returns why a gate that guards the member's next action inside a chain is closed; None: all
    are open. A hold that a person must end is noted on the step."""
    guards = guarding(ctx.action(member), ctx.snapshot.policies)
    found = (_kept_by(ctx, member, gate, seen) for gate in guards)
    return next((each for each in found if each is not None), None)


def _kept_by(
    ctx: DecisionContext, member: Unfinished, gate: Gate, seen: Observation
) -> Reason | None:
    """Returns why the gate keeps the member; one that is kept behind a lasting hold stays so until
    a person resumes."""
    if not isinstance(gate, RolloutGate | StepGate):
        return closed_gate(ctx, member, [gate], seen)
    tracked = ctx.step(member)
    hold = tracked.step.hold
    lasting = hold is not None and hold.kind in LASTING
    known = (known for known in (member.reason, hold) if known and known.kind in gate.lasting)
    reason = next(known, None) if lasting else None
    if reason is not None:
        return reason
    reason = gate.ask(ctx.snapshot, tracked, ctx.now)
    if reason is not None and reason.kind in LASTING and not lasting:
        hold_step(ctx, tracked, reason)
    if reason is not None and reason.until is not None:
        ctx.requeue_at(member.cluster, reason.until)
    return reason


def hold_step(ctx: DecisionContext, tracked: TrackedStep, reason: Reason) -> None:
    ctx.on_step(Kind.STEP_HELD, set_hold(tracked.step, reason), reason.message, warning=True)


def stopped(tracked: TrackedStep, member: InFlight) -> bool:
    """Whether the member has its slot and only a gate keeps it from its next action. Its own reason
    may differ for a while: it is unreachable, or busy."""
    if not _between(member) or member.action_index == len(tracked.step.actions):
        return False
    if member.reason.gate:
        return True
    action, hold = tracked.step.actions[member.action_index], tracked.step.hold
    kinds = {kind for gate in GATES if gate.guards(action) for kind in gate.reasons}
    return (hold is not None and hold.kind in kinds) or member.reason.kind in kinds


def _between(member: InFlight) -> bool:
    result = member.run.result
    return result is not None and result.success and member.run.disarmed


def kept_alone(member: InFlight) -> bool:
    """Whether the member is between two actions, and a gate of its cluster alone keeps it: it waits
    for a person while others could start."""
    return _between(member) and member.part_at is None and member.reason.kind in FOR_A_PERSON


def only_stopped(tracked: TrackedStep, now: datetime) -> bool:
    """Whether gates stop every member that has a slot, or it is past its limit: it would have to
    give the slot to the next one, if one could start."""
    flying = tracked.in_flight.values()
    return all(stopped(tracked, member) or is_late(member, now) for member in flying)


def kept(tracked: TrackedStep) -> list[InFlight]:
    return [member for member in tracked.in_flight.values() if stopped(tracked, member)]


def not_accepted(
    tracked: TrackedStep, kinds: Container[ReasonKind] = ACCEPTABLE
) -> list[Unfinished]:
    """Returns the members that wait until a person accepts the reasons of these kinds. One that was
    accepted counts no longer, even before the member is decided on again."""
    unfinished = (each for each in tracked.members.values() if not isinstance(each, Finished))
    return [
        each
        for each in unfinished
        if each.reason.kind in kinds and each.reason.message != each.accepted_warning
    ]


def release_kept(
    ctx: DecisionContext, tracked: TrackedStep, members: list[InFlight], why: str
) -> None:
    """Gives the members the limit of one that starts now. The next cycle decides on them."""
    until = limit(ctx.tracked, tracked, ctx.now)
    reason = Reason(ReasonKind.PREPARING, ctx.now, why)
    for member in members:
        ctx.on_member(Kind.WAITS, transitions.extend(member, until, reason), reason.message)
        ctx.result.remaining.append(member.cluster)

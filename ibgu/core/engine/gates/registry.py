"""The registry of gates, and the questions that the engine asks them (R18).

A new gate of the engine is one module, one line in GATES, and one test. Gates of policies come with
the snapshot; they are asked after the gates that hold, and before the rate limits.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

from ibgu.core.engine.gate import Gate, GateInput, GateReason, Switch
from ibgu.core.engine.gates.circuit_breaker import CIRCUIT_BREAKER
from ibgu.core.engine.gates.failure_budget import FAILURE_BUDGET
from ibgu.core.engine.gates.gate import Candidate, MemberGate, RolloutGate, StepGate
from ibgu.core.engine.gates.holds import ROLLOUT_HOLD
from ibgu.core.engine.gates.part import PART
from ibgu.core.engine.gates.payload import PAYLOAD
from ibgu.core.engine.gates.preflight import PREFLIGHT, PREFLIGHT_PLAN
from ibgu.core.engine.gates.rate_limit import HUB_START_RATE, INVALID_RATE, RAMP_UP, START_RATE
from ibgu.core.engine.gates.seed_breaker import SEED_BREAKER
from ibgu.core.engine.gates.tenancy import TENANCY
from ibgu.core.engine.gates.time_floor import TIME_FLOOR
from ibgu.core.engine.gates.warning import WARNING
from ibgu.core.engine.state import TrackedStep
from ibgu.core.engine.state.snapshot import Snapshot
from ibgu.core.model import ActionName, Reason, ReasonKind, Waiting
from ibgu.core.model.meaning import Meaning

GATES: tuple[Gate, ...] = (
    ROLLOUT_HOLD,
    TENANCY,
    PAYLOAD,
    CIRCUIT_BREAKER,
    SEED_BREAKER,
    FAILURE_BUDGET,
    TIME_FLOOR,
    PREFLIGHT_PLAN,
    PREFLIGHT,
    WARNING,
    PART,
    INVALID_RATE,
    START_RATE,
    HUB_START_RATE,
    RAMP_UP,
)
"""The engine's own gates in the order in which they are asked.

The ramp-up comes last: a member that it alone keeps needs the place of one in flight (R11.3).
"""
MEMBER_GATES = tuple(gate for gate in GATES if isinstance(gate, MemberGate))
"""The gates that keep one member alone."""
_DEMANDED = frozenset(
    kind for gate in MEMBER_GATES if GateInput.POLICIES in gate.needs for kind in gate.reasons
)
"""Reasons of the engine's own gates for which a policy may be the cause."""
POLICY = GateReason(
    meaning=Meaning(
        "a RolloutPolicy, or a hold of the cluster by annotation, keeps it from starting",
        "the policy lets it start, or the hold ends; the time is shown if it is known",
        "what the reason asks for, such as a time zone; if it asks for nothing, wait, or have the "
        "policy's owner change it",
    ),
    by_message=True,
    opened="goes on: the policy lets it",
    why_never_overdue="The line above says what the policy waits for, and until when if that is "
    "known",
)
"""The reason of every policy's gate, and what is said of one whose rule is not known here."""
GATE_REASONS: dict[ReasonKind, GateReason] = {
    kind: reason for gate in GATES for kind, reason in gate.reasons.items()
} | {ReasonKind.GATE: POLICY}
_OWN_KINDS = GATE_REASONS.keys() - {ReasonKind.GATE} - _DEMANDED
HOLDS = frozenset(kind for kind, reason in GATE_REASONS.items() if not reason.delays)
"""Reasons of a step or a rollout that keep everybody; a member may carry one as its own."""
FOR_A_PERSON = frozenset(kind for gate in MEMBER_GATES for kind in gate.reasons)
"""Reasons for which single members wait until a person acts; whom the gate of a policy waits for,
its reason says."""
RATE_LIMITS = GATE_REASONS.keys() - HOLDS
"""Reasons of a step whose members start one after the other: it is not held, and goes on by
itself."""
_STEP_GATES = {kind: gate for gate in GATES if isinstance(gate, StepGate) for kind in gate.reasons}
LASTING = frozenset(kind for kind, reason in GATE_REASONS.items() if reason.lasting)
"""Holds of a step that stay until a person resumes."""
RESUMABLE = frozenset(kind for kind, reason in GATE_REASONS.items() if reason.resumable)
"""Holds of a step or a rollout that a person's resume ends."""
ACCEPTABLE: dict[ReasonKind, str] = {
    kind: reason.acceptable for kind, reason in GATE_REASONS.items() if reason.acceptable
}
"""Reasons of members that a person's resume accepts, with what it accepts."""
CLOCK_STOPPING = frozenset(kind for kind, reason in GATE_REASONS.items() if reason.stops_clock)
"""Holds of a step or a rollout that only a person ends: the step's clock stands meanwhile
(R11.6)."""
SWITCHES: dict[str, Switch] = {
    gate.switch.annotation: gate.switch for gate in GATES if gate.switch is not None
}
"""The annotations of the IBGU that gates obey."""


def closed(snapshot: Snapshot, step: TrackedStep, now: datetime) -> Reason | None:
    """Returns the reason of the first closed gate of the rollout or the step; None: all are open.

    A step's lasting hold comes first: the rollout's hold must not replace it.
    """
    hold = step.step.hold
    if hold is not None and hold.kind in LASTING:
        return hold
    for gate in in_order(snapshot.policies):
        if isinstance(gate, RolloutGate | StepGate) and gate.keeps_step(step.step.actions):
            reason = gate.ask(snapshot, step, now)
            if reason is not None:
                return reason
    return None


def under_policies(step: TrackedStep) -> Iterator[str]:
    """Yields the clusters of which policies are asked although nothing else changes: those that
    they keep, also by what they demand of the engine's own gates, and those in flight or between
    two actions."""
    yield from step.under_policies
    for name, member in step.members.items():
        if isinstance(member, Waiting) and member.reason.kind in _DEMANDED:
            yield name
    yield from inside_chain(step)


def inside_chain(step: TrackedStep) -> Iterator[str]:
    """Yields the waiting clusters that gates keep from the next action of their chain: they have
    lost their slots, and are in no queue."""
    for name, member in step.members.items():
        if isinstance(member, Waiting) and member.action_index and member.reason.kind in _OWN_KINDS:
            yield name


def closed_for(gates: Iterable[Gate], candidate: Candidate) -> Reason | None:
    """Returns the reason of the first of the members' gates that is closed for the candidate."""
    for gate in gates:
        if isinstance(gate, MemberGate) and gate.keeps(candidate.action):
            reason = gate.ask(candidate)
            if reason is not None:
                return reason
    return None


def guarding(action: ActionName, policies: Sequence[Gate]) -> Iterator[Gate]:
    """Yields the gates that guard the action inside a chain."""
    return (gate for gate in in_order(policies) if gate.guards(action))


def in_order(policies: Sequence[Gate]) -> Sequence[Gate]:
    """Returns all gates in the order in which they are asked."""
    limits = next(place for place, gate in enumerate(GATES) if gate.reasons.keys() <= RATE_LIMITS)
    return (*GATES[:limits], *policies, *GATES[limits:])


def stops_all(hold: Reason | None) -> bool:
    """Whether the hold stops every start; a rate limit only delays starts."""
    return hold is not None and hold.kind not in RATE_LIMITS


def cause_words(hold: Reason) -> str:
    """Returns the message of the hold without what it asks a person for."""
    asks = GATE_REASONS[hold.kind].asks
    return hold.message.removesuffix(f"; {asks}") if asks else hold.message


def ended_words(hold: Reason) -> str:
    """Returns what is noted where the hold ends."""
    return GATE_REASONS[hold.kind].ended(cause_words(hold))


def same_hold(known: Reason | None, reason: Reason) -> bool:
    """Whether the hold is noted already. Where the declaration says so, another message is another
    hold."""
    if known is None or known.kind is not reason.kind:
        return False
    by_message = GATE_REASONS[reason.kind].by_message
    return not by_message or (known.gate, known.message) == (reason.gate, reason.message)


def resumable_gate(hold: Reason | None) -> StepGate | None:
    """Returns the gate of a step's hold that a person's resume ends; None: none does."""
    return _STEP_GATES.get(hold.kind) if hold is not None and hold.kind in RESUMABLE else None


def unread(reason: Reason, snapshot: Snapshot) -> bool:
    """Whether the reason may only mean that ibgu has not read yet what its gate needs."""
    gate = _STEP_GATES.get(reason.kind)
    return gate is not None and GateInput.PAYLOAD in gate.needs and not snapshot.payload.read


def opened(hold: Reason, snapshot: Snapshot, step: TrackedStep, now: datetime) -> bool:
    """Whether the gate of a hold that stops the clock has opened. Such a hold ends at once, even
    if no cluster could start: the clock would stand for nothing. One that lasts ends with a
    resume."""
    gate = _STEP_GATES.get(hold.kind)
    if gate is None or hold.kind not in CLOCK_STOPPING - LASTING:
        return False
    return gate.ask(snapshot, step, now) is None

"""The registry of gates, and the questions that the engine asks them (R18).

A new gate of the engine is one module, one line in GATES, and one test. Gates of policies come with
the snapshot; they are asked after the gates that hold, and before the rate limits.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

from ibgu.core.engine.gate import Gate, GateReason
from ibgu.core.engine.gates.circuit_breaker import CIRCUIT_BREAKER
from ibgu.core.engine.gates.gate import Candidate, MemberGate, RolloutGate, StepGate
from ibgu.core.engine.gates.holds import ROLLOUT_HOLD
from ibgu.core.engine.gates.payload import PAYLOAD
from ibgu.core.engine.gates.rate_limit import HUB_START_RATE, INVALID_RATE, RAMP_UP, START_RATE
from ibgu.core.engine.gates.tenancy import TENANCY
from ibgu.core.engine.gates.time_floor import TIME_FLOOR
from ibgu.core.engine.gates.warning import WARNING
from ibgu.core.engine.snapshot import Snapshot
from ibgu.core.engine.state import TrackedStep
from ibgu.core.model import ActionName, Reason, ReasonKind
from ibgu.core.model.meaning import Meaning

GATES: tuple[Gate, ...] = (
    ROLLOUT_HOLD,
    TENANCY,
    PAYLOAD,
    CIRCUIT_BREAKER,
    TIME_FLOOR,
    WARNING,
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
POLICY = GateReason(
    meaning=Meaning(
        "a policy keeps the cluster from starting",
        "the policy lets it start; its time is shown if it is known",
        "see what the line above names",
    ),
    why_never_overdue="The line above says what the policy waits for, and until when if that is "
    "known",
)
"""What is said of a policy's gate that this process does not know."""
GATE_REASONS: dict[ReasonKind, GateReason] = {
    kind: reason for gate in GATES for kind, reason in gate.reasons.items()
} | {ReasonKind.GATE: POLICY}
HOLDS = frozenset(kind for kind, reason in GATE_REASONS.items() if not reason.delays)
"""Reasons of a step or a rollout that keep everybody; a member may carry one as its own."""
RATE_LIMITS = GATE_REASONS.keys() - HOLDS
"""Reasons of a step whose members start one after the other: it is not held, and goes on by
itself."""
LASTING = frozenset(kind for kind, reason in GATE_REASONS.items() if reason.lasting)
"""Holds of a step that a person's resume ends."""
CLOCK_STOPPING = frozenset(kind for kind, reason in GATE_REASONS.items() if reason.stops_clock)
"""Holds of a step that only a person ends: its clock stands meanwhile (R11.6)."""


def closed(snapshot: Snapshot, step: TrackedStep, now: datetime) -> Reason | None:
    """Returns the reason of the first closed gate of the rollout or the step; None: all are open.

    A step's lasting hold comes first: the rollout's hold must not replace it.
    """
    hold = step.step.hold
    if hold is not None and hold.kind in LASTING:
        return hold
    first = step.step.first
    for gate in in_order(snapshot.policies):
        if isinstance(gate, RolloutGate | StepGate) and gate.keeps(first):
            reason = gate.ask(snapshot, step, now)
            if reason is not None:
                return reason
    return None


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
    if not policies:
        return GATES
    limits = [gate for gate in GATES if gate.reasons.keys() <= RATE_LIMITS]
    return [*(gate for gate in GATES if gate not in limits), *policies, *limits]


def meaning_of(reason: Reason, policies: Iterable[Gate]) -> Meaning:
    """Returns what the gate that gave the reason says of it."""
    named = (gate for gate in policies if reason.gate and gate.name == reason.gate)
    known = next((gate.reasons[reason.kind] for gate in named), None)
    return (known or GATE_REASONS[reason.kind]).meaning

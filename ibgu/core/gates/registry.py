"""The registry of gates, and the question that the engine asks them (R18).

A new gate is one module, one line in GATES, and one test.
"""

from datetime import datetime

from ibgu.core.fleet import TrackedStep
from ibgu.core.gates.circuit_breaker import CIRCUIT_BREAKER
from ibgu.core.gates.gate import GateReason, RolloutGate, StepGate
from ibgu.core.gates.holds import ROLLOUT_HOLD
from ibgu.core.gates.payload import PAYLOAD
from ibgu.core.gates.rate_limit import HUB_START_RATE, INVALID_RATE, RAMP_UP, START_RATE
from ibgu.core.gates.time_floor import TIME_FLOOR
from ibgu.core.model import Reason, ReasonKind
from ibgu.core.snapshot import Snapshot

GATES: tuple[RolloutGate | StepGate, ...] = (
    ROLLOUT_HOLD,
    PAYLOAD,
    CIRCUIT_BREAKER,
    TIME_FLOOR,
    INVALID_RATE,
    START_RATE,
    HUB_START_RATE,
    RAMP_UP,
)
"""The gates in the order in which they are asked.

The ramp-up comes last: a member that it alone keeps needs the place of one in flight (R11.3).
"""
GATE_REASONS: dict[ReasonKind, GateReason] = {
    kind: reason for gate in GATES for kind, reason in gate.reasons.items()
}
HOLDS = frozenset(kind for kind, reason in GATE_REASONS.items() if not reason.delays)
"""Reasons of a step or a rollout that keep everybody; a member may carry one as its own."""
RATE_LIMITS = GATE_REASONS.keys() - HOLDS
"""Reasons of a step whose members start one after the other: it is not held, and goes on by
itself."""
LASTING = frozenset(kind for kind, reason in GATE_REASONS.items() if reason.lasting)
"""Holds of a step that a person's resume ends."""
STANDING = frozenset(kind for kind, reason in GATE_REASONS.items() if reason.stops_clock)
"""Holds of a step that only a person ends: its clock stands meanwhile (R11.6)."""


def closed(snapshot: Snapshot, step: TrackedStep, now: datetime) -> Reason | None:
    """Returns the reason of the first closed gate of the rollout or the step; None: all are open.

    A step's lasting hold comes first: the rollout's hold must not replace it.
    """
    hold = step.step.hold
    if hold is not None and hold.kind in LASTING:
        return hold
    first = step.step.first
    asked = (gate.ask(snapshot, step, now) for gate in GATES if first in gate.holds)
    return next((reason for reason in asked if reason), None)

"""Gates: what keeps members from starting (R18), each declared once by one module."""

from ibgu.core.engine.gate import Gate, GateInput, GateReason, GateScope
from ibgu.core.engine.gates.deadlines import deadline, limit, share, time_stopped
from ibgu.core.engine.gates.gate import Candidate, MemberGate, RolloutGate, StepGate
from ibgu.core.engine.gates.payload import unread
from ibgu.core.engine.gates.registry import (
    CLOCK_STOPPING,
    GATE_REASONS,
    GATES,
    HOLDS,
    LASTING,
    MEMBER_GATES,
    RATE_LIMITS,
    closed,
    closed_for,
    guarding,
    in_order,
    meaning_of,
)
from ibgu.core.engine.gates.shares import allowed_starts, ramp_up_capacity, step_rate_limits

__all__ = [
    "CLOCK_STOPPING",
    "GATES",
    "GATE_REASONS",
    "HOLDS",
    "LASTING",
    "MEMBER_GATES",
    "RATE_LIMITS",
    "Candidate",
    "Gate",
    "GateInput",
    "GateReason",
    "GateScope",
    "MemberGate",
    "RolloutGate",
    "StepGate",
    "allowed_starts",
    "closed",
    "closed_for",
    "deadline",
    "guarding",
    "in_order",
    "limit",
    "meaning_of",
    "ramp_up_capacity",
    "share",
    "step_rate_limits",
    "time_stopped",
    "unread",
]

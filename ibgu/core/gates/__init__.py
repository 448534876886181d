"""Gates: what keeps members from starting (R18), each declared once by one module."""

from ibgu.core.gates.deadlines import deadline, limit, room, share
from ibgu.core.gates.gate import (
    EVERY_ACTION,
    Gate,
    GateInput,
    GateReason,
    GateScope,
    RolloutGate,
    StepGate,
)
from ibgu.core.gates.payload import unread
from ibgu.core.gates.registry import (
    GATE_REASONS,
    GATES,
    HOLDS,
    LASTING,
    RATE_LIMITS,
    STANDING,
    closed,
)
from ibgu.core.gates.shares import places, step_rate_limits, vacancies

__all__ = [
    "EVERY_ACTION",
    "GATES",
    "GATE_REASONS",
    "HOLDS",
    "LASTING",
    "RATE_LIMITS",
    "STANDING",
    "Gate",
    "GateInput",
    "GateReason",
    "GateScope",
    "RolloutGate",
    "StepGate",
    "closed",
    "deadline",
    "limit",
    "places",
    "room",
    "share",
    "step_rate_limits",
    "unread",
    "vacancies",
]

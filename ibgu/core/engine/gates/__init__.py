"""Gates: what keeps members from starting (R18), each declared once by one module."""

from ibgu.core.engine.gates.deadlines import deadline, limit, share, time_stopped
from ibgu.core.engine.gates.gate import (
    EVERY_ACTION,
    WAYS_BACK,
    Candidate,
    Gate,
    GateInput,
    GateReason,
    GateScope,
    MemberGate,
    RolloutGate,
    StepGate,
)
from ibgu.core.engine.gates.payload import unread
from ibgu.core.engine.gates.registry import (
    GATE_REASONS,
    GATES,
    HOLDS,
    LASTING,
    MEMBER_GATES,
    RATE_LIMITS,
    STANDING,
    closed,
    closed_for,
    guarding,
    in_order,
    meaning_of,
)
from ibgu.core.engine.gates.shares import places, step_rate_limits, vacancies

__all__ = [
    "EVERY_ACTION",
    "GATES",
    "GATE_REASONS",
    "HOLDS",
    "LASTING",
    "MEMBER_GATES",
    "RATE_LIMITS",
    "STANDING",
    "WAYS_BACK",
    "Candidate",
    "Gate",
    "GateInput",
    "GateReason",
    "GateScope",
    "MemberGate",
    "RolloutGate",
    "StepGate",
    "closed",
    "closed_for",
    "deadline",
    "guarding",
    "in_order",
    "limit",
    "meaning_of",
    "places",
    "share",
    "step_rate_limits",
    "time_stopped",
    "unread",
    "vacancies",
]

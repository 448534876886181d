"""Gates: what keeps members from starting (R18), each declared once by one module."""

from ibgu.core.engine.gate import Alarm, Gate, GateInput, GateReason, GateScope, Switch
from ibgu.core.engine.gates.deadlines import deadline, limit, share, time_stopped
from ibgu.core.engine.gates.failure_budget import held_by_budget, raised, spent_budget
from ibgu.core.engine.gates.gate import Candidate, MemberGate, RolloutGate, StepGate
from ibgu.core.engine.gates.holds import internal_error, name_taken, paused
from ibgu.core.engine.gates.payload import unusable
from ibgu.core.engine.gates.registry import (
    ACCEPTABLE,
    CLOCK_STOPPING,
    GATE_REASONS,
    GATES,
    HOLDS,
    LASTING,
    MEMBER_GATES,
    RATE_LIMITS,
    RESUMABLE,
    SWITCHES,
    closed,
    closed_for,
    guarding,
    in_order,
    opened,
    resumable_gate,
    same_hold,
    under_policies,
    unread,
)
from ibgu.core.engine.gates.shares import allowed_starts, has_room, step_rate_limits
from ibgu.core.engine.gates.tenancy import unbound

__all__ = [
    "ACCEPTABLE",
    "CLOCK_STOPPING",
    "GATES",
    "GATE_REASONS",
    "HOLDS",
    "LASTING",
    "MEMBER_GATES",
    "RATE_LIMITS",
    "RESUMABLE",
    "SWITCHES",
    "Alarm",
    "Candidate",
    "Gate",
    "GateInput",
    "GateReason",
    "GateScope",
    "MemberGate",
    "RolloutGate",
    "StepGate",
    "Switch",
    "allowed_starts",
    "closed",
    "closed_for",
    "deadline",
    "guarding",
    "has_room",
    "held_by_budget",
    "in_order",
    "internal_error",
    "limit",
    "name_taken",
    "opened",
    "paused",
    "raised",
    "resumable_gate",
    "same_hold",
    "share",
    "spent_budget",
    "step_rate_limits",
    "time_stopped",
    "unbound",
    "under_policies",
    "unread",
    "unusable",
]

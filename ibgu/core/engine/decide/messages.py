"""Builds phrases for messages."""

from ibgu.core.engine.gates import GATE_REASONS
from ibgu.core.model import Reason


def count(number: int, what: str) -> str:
    """Returns a count with its noun: 1 cluster, 2 clusters."""
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def ended(hold: Reason) -> str:
    return GATE_REASONS[hold.kind].ended(hold)

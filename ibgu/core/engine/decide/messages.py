"""Builds phrases for messages."""

from ibgu.core.model import Reason, ReasonKind

PAUSED = "paused by a person"


def count(number: int, what: str) -> str:
    """Returns a count with its noun: 1 cluster, 2 clusters."""
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def ended(hold: Reason) -> str:
    if hold.kind is not ReasonKind.PAUSED:
        return f"no longer: {hold.message}"
    said = hold.message.removeprefix(PAUSED).rpartition(";")[0]
    return f"the pause{said} has ended"

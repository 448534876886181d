"""A second opinion on what the engine did, from the event log alone (R44).

Nothing here uses the engine: the rules are written down once more, in the words of the log.
"""

from ibgu.core.assurance.certify.certifier import KNOWN, Certifier, Findings, Totals
from ibgu.core.assurance.certify.events import Event, Leader
from ibgu.core.assurance.certify.rules import MEANS, Rule, Violation

__all__ = [
    "KNOWN",
    "MEANS",
    "Certifier",
    "Event",
    "Findings",
    "Leader",
    "Rule",
    "Totals",
    "Violation",
]

"""A second opinion on what the engine did, from the event log alone (R44).

The rules are written down once more, in the words of the log. Of the engine, only what cron
expressions and time zones mean is used.
"""

from tests.oracle.certifier import KNOWN, Certifier, Findings, Totals
from tests.oracle.events import Event, Leader
from tests.oracle.policies import PolicyTotals, counts_on_hub, wanted_of_others
from tests.oracle.policy_glass import PassedPolicy
from tests.oracle.policy_versions import PolicyVersion
from tests.oracle.rules import MEANS, Rule, Violation
from tests.oracle.starts import CLAIMING

__all__ = [
    "CLAIMING",
    "KNOWN",
    "MEANS",
    "Certifier",
    "Event",
    "Findings",
    "Leader",
    "PassedPolicy",
    "PolicyTotals",
    "PolicyVersion",
    "Rule",
    "Totals",
    "Violation",
    "counts_on_hub",
    "wanted_of_others",
]

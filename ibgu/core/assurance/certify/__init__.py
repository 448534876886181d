"""A second opinion on what the engine did, from the event log alone (R44).

The rules are written down once more, in the words of the log. Of the engine, only what cron
expressions and time zones mean is used.
"""

from ibgu.core.assurance.certify.certifier import KNOWN, Certifier, Findings, Totals
from ibgu.core.assurance.certify.events import Event, Leader
from ibgu.core.assurance.certify.policies import PolicyTotals, counts_on_hub, wanted_of_others
from ibgu.core.assurance.certify.policy_glass import PassedPolicy
from ibgu.core.assurance.certify.policy_versions import PolicyVersion
from ibgu.core.assurance.certify.rules import MEANS, Rule, Violation
from ibgu.core.assurance.certify.starts import CLAIMING

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

"""The rules that are checked, and their violations."""

from enum import StrEnum

from msgspec import Struct

from tests.oracle.events import Event


class Rule(StrEnum):
    HISTORY = "history"
    WRITER = "writer"
    ORDER = "order"
    MEMBERS = "members"
    SLOTS = "slots"
    CLAIMS = "claims"
    ONCE = "once"
    PROBE = "probe"
    EVIDENCE = "evidence"
    LABELS = "labels"
    LIMITS = "limits"
    POLICIES = "policies"


MEANS = {
    Rule.HISTORY: "the history is whole, from the first event on",
    Rule.WRITER: "one controller wrote at a time",
    Rule.ORDER: "steps, actions and runs came in a legal order",
    Rule.MEMBERS: "every cluster of a step was taken once and has an end",
    Rule.SLOTS: "never more than maxConcurrency clusters in flight",
    Rule.CLAIMS: "never two rollouts on one cluster",
    Rule.ONCE: "no action twice without a reason",
    Rule.PROBE: "every start rests on the cluster's own state",
    Rule.EVIDENCE: "every end rests on evidence",
    Rule.LABELS: "label changes follow outcomes, each once",
    Rule.LIMITS: "limits were set and kept",
    Rule.POLICIES: "every start kept the RolloutPolicies",
}


class Violation(Struct, frozen=True):
    rule: Rule
    words: str
    event: Event
    """The event that shows the violation."""
    others: tuple[int, ...] = ()
    """Numbers of the events that contradict it."""

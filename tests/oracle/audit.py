"""Collects what the checks find, and what they know of all rollouts."""

from collections import Counter

from msgspec import Struct

from tests.oracle.cases import ClusterCase, MemberCase, RolloutCase, StepCase
from tests.oracle.events import Event
from tests.oracle.proofs import KindProofs, Proofs
from tests.oracle.rules import Rule, Violation

SHOWN = 20
"""Violations per rule that are kept in words; all are counted."""


class Audit:
    def __init__(self, proofs: KindProofs) -> None:
        self.proofs = proofs
        self.rollouts: dict[str, RolloutCase] = {}
        self.clusters: dict[str, ClusterCase] = {}
        self.runs: dict[str, int] = {}
        """Run id -> the event that began it."""
        self.checks: Counter[Rule] = Counter()
        self.broken: Counter[Rule] = Counter()
        self.violations: list[Violation] = []
        self.truncated: set[str] = set()
        """Rollouts of which the history lacks the beginning."""
        self.preflight_by_policy = False
        """Whether a policy has ever enforced preflight, whatever a rollout's annotation says."""

    def cluster(self, uid: str) -> ClusterCase:
        return self.clusters.setdefault(uid, ClusterCase())

    def require(self, rule: Rule, holds: bool, event: Event, words: str, *others: int) -> bool:
        """Counts the check, notes a violation, and returns whether the check holds."""
        self.checks[rule] += 1
        if not holds:
            self.found(Violation(rule, words, event, tuple(seq for seq in others if seq)))
        return holds

    def found(self, violation: Violation) -> None:
        self.broken[violation.rule] += 1
        if self.broken[violation.rule] <= SHOWN:
            self.violations.append(violation)


class EventContext(Struct):
    """One event, and its subject as it was before."""

    audit: Audit
    event: Event
    rollout: RolloutCase

    def require(self, rule: Rule, holds: bool, words: str, *others: int) -> bool:
        return self.audit.require(rule, holds, self.event, words, *others)

    @property
    def proofs(self) -> Proofs:
        return self.audit.proofs[self.rollout.kind]

    def text(self, name: str) -> str:
        """Returns a value of the event's data; empty where it has none."""
        return str(self.event.data.get(name) or "")


class StepEventContext(EventContext):
    step: StepCase

    @property
    def title(self) -> str:
        return f"step {self.step.index + 1}"


class MemberEventContext(StepEventContext):
    member: MemberCase

    @property
    def action(self) -> str:
        """Returns the member's current or next action; empty after the last one."""
        actions = self.step.actions
        return actions[self.member.index] if self.member.index < len(actions) else ""

    @property
    def name(self) -> str:
        return self.member.cluster

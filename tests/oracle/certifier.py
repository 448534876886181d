"""Reads the event log once, in order, and checks that the rules were kept."""

from collections.abc import Sequence

from msgspec import Struct

from tests.oracle import circuit_breaker, follow_ups, imported, labels
from tests.oracle.adopted import member_adopted, step_adopted
from tests.oracle.audit import (
    Audit,
    EventContext,
    MemberEventContext,
    StepEventContext,
)
from tests.oracle.cases import RolloutCase
from tests.oracle.events import Event, Leader
from tests.oracle.members import OF_MEMBER, joined
from tests.oracle.policies import PolicyAudit, PolicyTotals
from tests.oracle.policy_versions import PolicyVersion
from tests.oracle.proofs import KindProofs
from tests.oracle.rollouts import (
    OF_ROLLOUT,
    OF_STEP,
    new_rollout,
    skips_were_asked,
    step_opened,
)
from tests.oracle.rules import Rule, Violation
from tests.oracle.runs import OF_RUN
from tests.oracle.writers import Writers

_OF_MEMBERS = OF_MEMBER | OF_RUN
_JOINS = {
    "MemberJoined": joined,
    "MemberAdopted": member_adopted,
    imported.KIND: imported.member,
}
_OF_CLUSTERS = frozenset({"LabelsPending", "LabelsUnchanged", "LabelsUpdated"})
KNOWN = frozenset(
    {
        "RolloutSeen",
        "StepOpened",
        "StepAdopted",
        *_JOINS,
        imported.PUT_BACK,
        *OF_ROLLOUT,
        *OF_STEP,
        *_OF_MEMBERS,
        *_OF_CLUSTERS,
    }
)
"""Kinds of events that are checked."""


class Findings(Struct, frozen=True):
    events: int
    checks: dict[Rule, int]
    broken: dict[Rule, int]
    violations: tuple[Violation, ...]
    unknown: dict[str, int]
    """Kinds of events that this version does not know, or that are of a rollout whose kind it does
    not know; they were not checked."""
    policies: PolicyTotals | None = None
    """None: the RolloutPolicies were not among the evidence."""

    @property
    def valid(self) -> bool:
        return not self.broken and self.events > 0


class Certifier:
    def __init__(
        self,
        proofs: KindProofs,
        leaders: Sequence[Leader] = (),
        policies: Sequence[PolicyVersion] | None = None,
    ) -> None:
        """`proofs`: of each kind of change in the log. `leaders`: by epoch; none: only the order of
        epochs is checked. `policies`: all versions of the hub's RolloutPolicies; None: unknown."""
        self._audit = Audit(proofs)
        self._audit.preflight_by_policy = any(each.spec.get("preflight") for each in policies or ())
        self._policies = PolicyAudit(self._audit, policies)
        self._writers = Writers(self._audit, leaders)
        self._events = 0
        self._last: Event | None = None
        self._unknown: dict[str, int] = {}

    def feed(self, event: Event) -> None:
        """Checks the next event."""
        self._events += 1
        self._writers.wrote(event)
        self._check(event)
        self._policies.read(event)
        self._last = event

    def missing(self, first: int, last: int) -> None:
        """Reports events that the hub has counted and that are gone."""
        self._audit.checks[Rule.HISTORY] += 1
        if self._last is not None:
            words = f"the events {first} to {last} are missing from the hub's history"
            self._audit.found(Violation(Rule.HISTORY, words, self._last))

    def _check(self, event: Event) -> None:
        audit = self._audit
        rollout = audit.rollouts.get(event.rollout)
        if event.kind == "RolloutSeen":
            words = "the rollout begins a second time"
            audit.require(Rule.ORDER, rollout is None, event, words, rollout.seq if rollout else 0)
            audit.rollouts[event.rollout] = new_rollout(event)
        elif event.kind == imported.KIND and event.step is None:
            imported.rollout(audit, event)
        elif rollout is None and labels.of_annotations(event):
            pass  # What a rollout has left that the journal never knew, or has lost (R31.7).
        elif rollout is None:
            self._without_beginning(event)
        elif rollout.kind not in audit.proofs:
            self._unknown[event.kind] = self._unknown.get(event.kind, 0) + 1
        else:
            spot = EventContext(audit, event, rollout)
            self._check_level(spot)

    def _without_beginning(self, event: Event) -> None:
        """Reports a history without its beginning: old events expire, and the rest proves
        nothing."""
        words = "the history begins in the middle of the rollout: its first events are gone"
        known = event.rollout in self._audit.truncated
        self._audit.require(Rule.HISTORY, known, event, words)
        self._audit.truncated.add(event.rollout)

    def _check_level(self, spot: EventContext) -> None:
        event, rollout = spot.event, spot.rollout
        spot.require(Rule.HISTORY, True, "")
        skips_were_asked(spot.audit, rollout, event.at)
        if event.kind == imported.KIND and event.cluster is None:
            imported.step(spot)
        elif event.kind == imported.PUT_BACK:
            imported.put_back(spot)
        elif event.kind in OF_ROLLOUT:
            OF_ROLLOUT[event.kind](spot)
            rollout.hold = spot.text("hold")
        elif event.kind == "StepOpened":
            step_opened(spot)
        elif event.kind == "StepAdopted":
            step_adopted(spot)
        elif event.kind in _OF_CLUSTERS:
            labels.pending_labels(spot)
        elif event.kind in OF_STEP or event.kind in _JOINS or event.kind in _OF_MEMBERS:
            self._check_step(spot)
        else:
            self._unknown[event.kind] = self._unknown.get(event.kind, 0) + 1

    def _check_step(self, spot: EventContext) -> None:
        event, rollout = spot.event, spot.rollout
        begun = event.step is not None and event.step < len(rollout.steps)
        words = f"{event.kind} in a step that was never opened"
        if not spot.require(Rule.ORDER, begun, words, rollout.seq):
            return
        step = rollout.steps[event.step or 0]
        here = StepEventContext(spot.audit, event, rollout, step)
        if event.kind in OF_STEP:
            OF_STEP[event.kind](here)
            before, step.hold = step.hold, spot.text("hold")
            circuit_breaker.hold_changed(here, before)
        elif event.kind in _JOINS:
            _JOINS[event.kind](here)
        else:
            self._check_member(here)

    def _check_member(self, spot: StepEventContext) -> None:
        event = spot.event
        member = spot.step.members.get(event.cluster or "")
        known = member is not None and member.uid == event.cluster_uid
        words = f"{event.cluster} does not belong to {spot.title}"
        if spot.require(Rule.MEMBERS, known, words, spot.step.opened) and member is not None:
            here = MemberEventContext(spot.audit, event, spot.rollout, spot.step, member)
            _OF_MEMBERS[event.kind](here)

    # -- at the end ------------------------------------------------------------------------

    def findings(self) -> Findings:
        """Returns the findings, once all events were read."""
        audit = self._audit
        if self._last is not None:
            for rollout in audit.rollouts.values():
                self._at_rest(rollout, self._last)
        return Findings(
            events=self._events,
            checks=dict(audit.checks),
            broken=dict(audit.broken),
            violations=tuple(audit.violations),
            unknown=dict(self._unknown),
            policies=self._policies.totals(),
        )

    def _at_rest(self, rollout: RolloutCase, last: Event) -> None:
        """Checks that nothing is half recorded: a cycle is journaled as a whole."""
        follow_ups.made_as_recorded(self._audit, rollout)
        skips_were_asked(self._audit, rollout, None)
        for step in rollout.steps:
            for member in step.members.values():
                spot = MemberEventContext(self._audit, last, rollout, step, member)
                labels.applied_so_far(spot)
            uncounted = step.state == "opening" or step.recounted
            everybody = uncounted or len(step.members) == step.total
            words = f"step {step.index + 1} began with {step.total} clusters, not all joined it"
            self._audit.require(Rule.MEMBERS, everybody, last, words, step.opened)

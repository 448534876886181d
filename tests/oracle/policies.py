"""Checks that every start kept the RolloutPolicies in force (R50)."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from functools import partial

from msgspec import Struct
from msgspec.structs import replace

from ibgu.core.engine.gate import policy_gate
from ibgu.core.model.rollout_policy import RolloutPolicySpec
from tests.oracle.audit import Audit
from tests.oracle.cases import FollowUpCase, RolloutCase
from tests.oracle.events import Event
from tests.oracle.policy_approvals import of_approvals
from tests.oracle.policy_breakers import ImageEnds, of_breaker
from tests.oracle.policy_demands import of_demands
from tests.oracle.policy_failures import GONE
from tests.oracle.policy_follow_ups import unasked
from tests.oracle.policy_rules import objection
from tests.oracle.policy_starts import (
    Objection,
    Start,
    about,
    behind_glass,
    of_cluster,
)
from tests.oracle.policy_times import alike_for_all, of_fit, of_times
from tests.oracle.policy_versions import PolicyHistory, PolicyVersion, PossiblePolicy
from tests.oracle.rules import Rule
from tests.oracle.starts import StartReader, is_canary, with_policy_facts

_LATER = timedelta(minutes=1)
"""An action that is sent so long after its start is judged again."""


class PolicyTotals(Struct, frozen=True):
    """PolicyTotals counts the starts that policies may have held."""

    policies: int
    """Policies in force at one of the starts or more."""
    starts: int
    """Starts under a policy, but those that lead back."""
    unjudged: int
    """Starts of which the history does not show whether a policy allowed them."""
    unknown: dict[str, int]
    """What would have to be known, with the number of those starts that it is about."""


class _Suspect(Struct):
    """A start that was wrong if certain clusters were still on the hub, which later events may
    show: a cluster that is deleted never comes back with its uid."""

    event: Event
    words: str
    others: tuple[int, ...]
    missing: list[frozenset[str]]
    """The uids of clusters of which one must have been there, for each version of the policy."""


class PolicyAudit:
    """PolicyAudit judges the starts. `versions`: all of the hub's policies; None: they
    are not among the evidence."""

    def __init__(self, audit: Audit, versions: Sequence[PolicyVersion] | None) -> None:
        self._audit = audit
        self._history = PolicyHistory(versions or ())
        self._known = versions is not None
        self._reader = StartReader(audit)
        self._ends = ImageEnds(audit.proofs)
        self._suspects: dict[str, list[_Suspect]] = {}
        """The suspects of each rollout."""
        self._begun: dict[tuple[str, int | None, str | None], datetime] = {}
        """When members have begun the actions that are not sent yet."""
        self._policies: set[str] = set()
        self._starts = 0
        self._unjudged: set[int] = set()
        """The events of those starts."""
        self._unknown: Counter[str] = Counter()

    def read(self, event: Event) -> None:
        """Judges the event if it is a start, and counts the claim that it takes or releases."""
        self._reader.read_labels(event)
        rollout = self._rollout(event)
        if rollout is not None and event.kind == "RunIntended":
            self._judge(event, rollout)
            self._begun[_member(event)] = event.at
        elif rollout is not None and event.kind == "RunArming":
            if event.at >= self._begun.pop(_member(event), event.at) + _LATER:
                self._judge_arming(event, rollout)
        elif rollout is not None and event.kind == "FollowUpChanged":
            self._judge_follow_ups(event, rollout)
        self._reader.read(event)
        self._ends.read(event)
        if rollout is not None and event.rollout in self._suspects and not rollout.restored:
            self._convict(event)

    def totals(self) -> PolicyTotals | None:
        """Returns the totals; None: the policies are not among the evidence."""
        if not self._known:
            return None
        left = {each.event.seq for suspects in self._suspects.values() for each in suspects}
        unknown = self._unknown + Counter({GONE: len(left)})
        return PolicyTotals(
            policies=len(self._policies),
            starts=self._starts,
            unjudged=len(self._unjudged | left),
            unknown=dict(sorted(unknown.items())),
        )

    def _rollout(self, event: Event) -> RolloutCase | None:
        """Returns the rollout of the event, if its beginning and its kind are known."""
        rollout = self._audit.rollouts.get(event.rollout)
        return rollout if rollout is not None and rollout.kind in self._audit.proofs else None

    def _convict(self, event: Event) -> None:
        """Reports the starts of the rollout that are proven wrong by the cluster that the event
        shows."""
        uid = event.data.get("seen", {}).get("cluster", {}).get("uid")
        suspects = self._suspects[event.rollout]
        for each in suspects:
            each.missing = [uids for uids in each.missing if uid not in uids]
            if not each.missing:
                self._audit.require(Rule.POLICIES, False, each.event, each.words, *each.others)
        self._suspects[event.rollout] = [each for each in suspects if each.missing]

    def _judge_follow_ups(self, event: Event, rollout: RolloutCase) -> None:
        """Checks that the policies had asked for what the event records first."""
        proofs = self._audit.proofs[rollout.kind]
        new = [
            (step, each)
            for step in rollout.steps
            for each in (*step.follow_ups, *step.attempts)
            if each.event.seq == event.seq and (each.attempt or each.action in proofs.ways_back)
        ]
        policies = list(self._history.at(event.at))
        for step, record in new if self._history.any else ():
            wrong = unasked(policies, rollout, step, record)
            if wrong is not None:
                subject = f"{_subject_of(record)} by RolloutPolicy/{record.policy}"
                self._audit.require(Rule.POLICIES, not wrong, event, f"{subject}, which {wrong}")

    def _judge(self, event: Event, rollout: RolloutCase) -> None:
        policies = list(self._history.at(event.at))
        start = self._reader.start(event, rollout) if policies else None
        if start is None:
            return
        start = replace(start, is_canary=is_canary(policies, start))
        self._policies.update(each.name for each in policies)
        self._starts += 1
        unknown = set()
        for each in policies:
            seen = with_policy_facts(each, start)
            if rollout.grants.passes(policy_gate(each.name), event.at):
                each = replace(each, specs=[behind_glass(spec) for spec in each.specs])
                # It waits for no canaries of this policy.
                seen = replace(seen, is_canary=True)
            unknown.add(self._judge_by(each, seen, event, rollout))
        unknown.discard("")
        self._unknown.update(unknown)
        self._unjudged |= {event.seq} if unknown else set()

    def _judge_arming(self, event: Event, rollout: RolloutCase) -> None:
        """Checks that no policy forbade the time at which the action was sent, long after its
        start, and that what it needed was still approved then (R8.8)."""
        policies = list(self._history.at(event.at))
        start = self._reader.start(event, rollout) if policies else None
        if start is None:
            return
        for each in policies:
            if not rollout.grants.passes(policy_gate(each.name), event.at):
                self._judge_sent(each, _wrong_when_sent(each, start), start, event)

    def _judge_sent(
        self, policy: PossiblePolicy, found: Objection | None, start: Start, event: Event
    ) -> None:
        allowed, wrong = found is None, found or Objection()
        words = f"{wrong.rule}: {event.cluster} is sent {start.action} {wrong.words}"
        self._audit.require(Rule.POLICIES, allowed, event, f"{words} (RolloutPolicy/{policy.name})")

    def _judge_by(
        self, policy: PossiblePolicy, start: Start, event: Event, rollout: RolloutCase
    ) -> str:
        """Checks that the start was right under one of the versions that the controller may have
        known. Returns what is not known and decides on it; empty: it was judged."""
        objections = self._objections(policy, start, rollout)
        unknown = next((each.unknown for each in objections if each and each.unknown), "")
        allowed = policy.absent or not all(objections)
        if unknown and not allowed:
            return unknown
        wrong = next((each for each in objections if each), Objection())
        violation = f"{wrong.rule}: {event.cluster} starts {start.action} {wrong.words}"
        words = f"{violation} (RolloutPolicy/{policy.name})"
        others = () if allowed else (*self._reader.claims_on(wrong.others), *wrong.events)
        missing = [each.if_there for each in objections if each and each.if_there]
        if missing and not allowed:
            suspects = self._suspects.setdefault(event.rollout, [])
            suspects.append(_Suspect(event, words, others, missing))
        else:
            self._audit.require(Rule.POLICIES, allowed, event, words, *others)
        return ""

    def _objections(
        self, policy: PossiblePolicy, start: Start, rollout: RolloutCase
    ) -> list[Objection | None]:
        proofs = self._audit.proofs[rollout.kind]
        breaker = partial(of_breaker, start=start, rollout=rollout, proofs=proofs, ends=self._ends)
        return list(_objections(policy, start, breaker))


def _wrong_when_sent(policy: PossiblePolicy, start: Start) -> Objection | None:
    """Returns why none of the versions allows the time, or what is not approved; None: one of them
    allows both."""
    specs = [alike_for_all(spec) for spec in policy.specs]
    found = [_against_sending(spec, start) for spec in specs if spec and about(spec, start)]
    allowed = policy.absent or len(found) < len(specs) or None in found
    return None if allowed else next((each for each in found if each), None)


def _against_sending(spec: RolloutPolicySpec, start: Start) -> Objection | None:
    """Returns what is certain, no matter who the author of the step is by then."""
    asked = spec.approval and replace(spec.approval, four_eyes=False)
    found = (*of_times(spec, start), *of_approvals(replace(spec, approval=asked), start))
    return next((each for each in found if not each.unknown), None)


def _objections(
    policy: PossiblePolicy,
    start: Start,
    breaker: Callable[[RolloutPolicySpec], Iterator[Objection]],
) -> Iterator[Objection | None]:
    """`breaker` yields what the policy's circuit breaker has against the start."""
    for spec in policy.specs:
        more: Iterable[Objection] = ()
        if spec is not None:
            own = of_cluster(spec, start)
            more = (*of_demands(own, start), *breaker(spec), *of_fit(own, start))
        yield objection(spec, start, more)


def _member(event: Event) -> tuple[str, int | None, str | None]:
    return event.rollout, event.step, event.cluster


def _subject_of(record: FollowUpCase) -> str:
    named = ", ".join(record.clusters)
    return f"R50.20: {named} again" if record.attempt else f"R50.19: {named} back"

"""Checks that every start kept the RolloutPolicies in force (R50).

What is in flight is counted over all rollouts of the hub, from the events alone. A cluster that a
rollout left while it was not reachable does not count here, though it does for the engine: when it
was reached again is not in the history.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

from msgspec import Struct
from msgspec.structs import replace

from ibgu.core.assurance.certify.audit import Audit
from ibgu.core.assurance.certify.cases import RolloutCase
from ibgu.core.assurance.certify.events import Event
from ibgu.core.assurance.certify.policy_ends import RolloutEnds
from ibgu.core.assurance.certify.policy_failures import GONE, canary_of
from ibgu.core.assurance.certify.policy_rules import objection
from ibgu.core.assurance.certify.policy_starts import Objection, Start
from ibgu.core.assurance.certify.policy_versions import PolicyHistory, PolicyVersion, PossiblePolicy
from ibgu.core.assurance.certify.rules import Rule
from ibgu.core.engine.gate import policy_gate
from ibgu.core.model.proofs import Proofs

CLAIMING = frozenset(
    {
        *("RunIntended", "RunReopened", "MemberAdopted", "Imported"),
        *("MemberReturned", "MemberFinished"),
    }
)
"""Kinds of events with which members take claims and release them."""
_NAMED = 20
"""The most other clusters whose claims a violation names."""


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
    """PolicyAudit judges the subjects' starts. `versions`: all of the hub's policies; None: they
    are not among the evidence."""

    def __init__(self, audit: Audit, versions: Sequence[PolicyVersion] | None) -> None:
        self._audit = audit
        self._history = PolicyHistory(versions or ())
        self._known = versions is not None
        self._in_flight: dict[str, dict[tuple[str, int | None], int]] = {}
        """Cluster -> the rollouts and steps that have claimed it, with the event that says so."""
        self._ends = RolloutEnds()
        self._suspects: dict[str, list[_Suspect]] = {}
        """The suspects of each rollout."""
        self._policies: set[str] = set()
        self._starts = 0
        self._unjudged: set[int] = set()
        """The events of those starts."""
        self._unknown: Counter[str] = Counter()

    def read(self, event: Event) -> None:
        """Judges the event if it is a start, and counts the claim that it takes or releases."""
        if self._audit.subject(event.rollout):
            self._read_subject(event)
        if event.kind in CLAIMING and event.cluster is not None:
            self._count(event, event.cluster)

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

    def _read_subject(self, event: Event) -> None:
        rollout = self._audit.rollouts.get(event.rollout)
        proofs = self._audit.proofs.get(rollout.kind) if rollout is not None else None
        if rollout is None or proofs is None:
            return
        if event.kind == "RunIntended":
            self._judge(event, rollout)
        self._ends.read(event, proofs)
        if event.rollout in self._suspects and not rollout.restored:
            self._convict(event)

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

    def _count(self, event: Event, cluster: str) -> None:
        member = (event.rollout, event.step)
        claims = self._in_flight.setdefault(cluster, {})
        claims.pop(member, None)
        if _claims(event):
            claims[member] = event.seq
        elif not claims:
            del self._in_flight[cluster]

    def _judge(self, event: Event, rollout: RolloutCase) -> None:
        policies = [
            each
            for each in self._history.at(event.at)
            if not rollout.grants.passes(policy_gate(each.name), event.at)
        ]
        start = self._start(event, rollout) if policies else None
        if start is None:
            return
        start = replace(start, is_canary=_is_canary(policies, start))
        self._policies.update(each.name for each in policies)
        self._starts += 1
        unknown = {found for each in policies if (found := self._judge_by(each, start, event))}
        self._unknown.update(unknown)
        self._unjudged |= {event.seq} if unknown else set()

    def _judge_by(self, policy: PossiblePolicy, start: Start, event: Event) -> str:
        """Checks that the start was right under one of the versions that the controller may have
        known. Returns what is not known and decides on it; empty: it was judged."""
        objections = list(_objections(policy, start))
        unknown = next((each.unknown for each in objections if each and each.unknown), "")
        allowed = policy.absent or not all(objections)
        if unknown and not allowed:
            return unknown
        wrong = next((each for each in objections if each), Objection())
        told = f"{wrong.rule}: {event.cluster} starts {start.action} {wrong.words}"
        words = f"{told} (RolloutPolicy/{policy.name})"
        others = () if allowed else (*self._claims_on(wrong.others), *wrong.events)
        missing = [each.if_there for each in objections if each and each.if_there]
        if missing and not allowed:
            suspects = self._suspects.setdefault(event.rollout, [])
            suspects.append(_Suspect(event, words, others, missing))
        else:
            self._audit.require(Rule.POLICIES, allowed, event, words, *others)
        return ""

    def _claims_on(self, clusters: Iterable[str]) -> Iterator[int]:
        """Yields the events by which the first of these clusters were claimed."""
        for cluster in islice(clusters, _NAMED):
            yield from self._in_flight[cluster].values()

    def _start(self, event: Event, rollout: RolloutCase) -> Start | None:
        """Returns the start; None: it leads back, or the history does not have its step."""
        proofs = self._audit.proofs.get(rollout.kind)
        if proofs is None or event.step is None or event.step >= len(rollout.steps):
            return None
        action = str(event.data.get("action") or "")
        action = proofs.parts.get(action, action)
        chain, cluster = rollout.steps[event.step].actions, event.cluster or ""
        if action in proofs.ways_back or action not in chain:
            return None
        begun = (event.rollout, event.step) in self._in_flight.get(cluster, {})
        return Start(
            at=event.at,
            namespace=rollout.name.partition("/")[0],
            cluster=cluster,
            action=action,
            rest=() if begun else chain[chain.index(action) :],
            others=self._in_flight.keys() - {cluster},
            step=event.step,
            grants=rollout.grants,
            progress=self._ends.progress(rollout, event.step),
            stopped_by_failures=action in proofs.reboots if begun else _leads_on(proofs, chain[0]),
        )


def _leads_on(proofs: Proofs, first: str) -> bool | None:
    """Returns whether failures hold the starts of a step that begins with the action; None: that is
    not known of what completes an action before, or resumes what it has paused."""
    if first in proofs.ways_back:
        return False
    return True if first in proofs.preflight | proofs.labels else None


def _is_canary(policies: Iterable[PossiblePolicy], start: Start) -> bool | None:
    """Returns whether the cluster is a canary of one of the policies; None: that is not known."""
    answers = [
        {canary_of(spec, start) for spec in each.specs} | ({False} if each.absent else set())
        for each in policies
    ]
    if {True} in answers:
        return True
    return False if all(each == {False} for each in answers) else None


def _objections(policy: PossiblePolicy, start: Start) -> Iterator[Objection | None]:
    return (objection(spec, start) for spec in policy.specs)


def _claims(event: Event) -> bool:
    """Whether the member has the claim on its cluster from the event on."""
    if event.kind in ("MemberAdopted", "Imported"):
        return bool(event.data.get("slot"))
    return event.kind in ("RunIntended", "RunReopened")

"""Checks that every start kept the RolloutPolicies in force (R50).

What is in flight is counted over all rollouts of the hub, from the events alone. A cluster that a
rollout left while it was not reachable does not count here, though it does for the engine: when it
was reached again is not in the history.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

from msgspec import Struct

from ibgu.core.assurance.certify.audit import Audit
from ibgu.core.assurance.certify.cases import RolloutCase
from ibgu.core.assurance.certify.events import Event
from ibgu.core.assurance.certify.policy_rules import Objection, Start, objection
from ibgu.core.assurance.certify.policy_versions import PolicyHistory, PolicyVersion, PossiblePolicy
from ibgu.core.assurance.certify.rules import Rule

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


class PolicyAudit:
    """PolicyAudit judges the subjects' starts. `versions`: all of the hub's policies; None: they
    are not among the evidence."""

    def __init__(self, audit: Audit, versions: Sequence[PolicyVersion] | None) -> None:
        self._audit = audit
        self._history = PolicyHistory(versions or ())
        self._known = versions is not None
        self._in_flight: dict[str, dict[tuple[str, int | None], int]] = {}
        """Cluster -> the rollouts and steps that have claimed it, with the event that says so."""
        self._policies: set[str] = set()
        self._starts = 0
        self._unjudged = 0
        self._unknown: Counter[str] = Counter()

    def read(self, event: Event) -> None:
        """Judges the event if it is a start, and counts the claim that it takes or releases."""
        if event.kind == "RunIntended" and self._audit.subject(event.rollout):
            self._judge(event)
        if event.kind in CLAIMING and event.cluster is not None:
            self._count(event, event.cluster)

    def totals(self) -> PolicyTotals | None:
        """Returns the totals; None: the policies are not among the evidence."""
        if not self._known:
            return None
        unknown = dict(sorted(self._unknown.items()))
        return PolicyTotals(len(self._policies), self._starts, self._unjudged, unknown)

    def _count(self, event: Event, cluster: str) -> None:
        member = (event.rollout, event.step)
        claims = self._in_flight.setdefault(cluster, {})
        claims.pop(member, None)
        if _claims(event):
            claims[member] = event.seq
        elif not claims:
            del self._in_flight[cluster]

    def _judge(self, event: Event) -> None:
        policies = list(self._history.at(event.at))
        rollout = self._audit.rollouts.get(event.rollout)
        start = self._start(event, rollout) if policies and rollout is not None else None
        if start is None:
            return
        self._policies.update(each.name for each in policies)
        self._starts += 1
        unknown = {found for each in policies if (found := self._judge_by(each, start, event))}
        self._unknown.update(unknown)
        self._unjudged += bool(unknown)

    def _judge_by(self, policy: PossiblePolicy, start: Start, event: Event) -> str:
        """Checks that the start was right under one of the versions that the controller may have
        known. Returns what is not known and decides on it; empty: it was judged."""
        objections = list(_objections(policy, start))
        unknown = next((each.unknown for each in objections if each and each.unknown), "")
        allowed = policy.absent or not all(objections)
        if unknown and not allowed:
            return unknown
        wrong = next((each for each in objections if each), Objection())
        others = self._claims_on(wrong.others) if not allowed else ()
        told = f"{wrong.rule}: {event.cluster} starts {start.action} {wrong.words}"
        words = f"{told} (RolloutPolicy/{policy.name})"
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
        )


def _objections(policy: PossiblePolicy, start: Start) -> Iterator[Objection | None]:
    return (objection(spec, start) for spec in policy.specs)


def _claims(event: Event) -> bool:
    """Whether the member has the claim on its cluster from the event on."""
    if event.kind in ("MemberAdopted", "Imported"):
        return bool(event.data.get("slot"))
    return event.kind in ("RunIntended", "RunReopened")

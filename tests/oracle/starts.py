"""Reads the starts that policies may hold, with what was in flight and had failed by then (R50).

What is in flight is counted over all rollouts of the hub, from the events alone. A cluster that a
rollout left in the middle of a reboot does not count here, though it does for the engine while it
is not reachable: when it was reached again is not in the history.
"""

from collections.abc import Iterable, Iterator
from itertools import islice

from msgspec import ValidationError, convert
from msgspec.structs import replace

from ibgu.core.model.start_facts import Labels, PolicyFacts, StartFacts
from tests.oracle.audit import Audit
from tests.oracle.cases import RolloutCase, StepCase
from tests.oracle.events import Event
from tests.oracle.policy_demands import unmet
from tests.oracle.policy_ends import HubFailures, RolloutEnds
from tests.oracle.policy_failures import canary_of
from tests.oracle.policy_starts import Start
from tests.oracle.policy_versions import PossiblePolicy
from tests.oracle.proofs import Proofs

CLAIMING = frozenset(
    {
        *("RunIntended", "RunReopened", "MemberAdopted", "Imported"),
        *("MemberReturned", "ActionRepeated", "MemberFinished"),
    }
)
"""Kinds of events with which members take claims and release them."""
_NAMED = 20
"""The most other clusters whose claims a violation names."""


class StartReader:
    """StartReader reads events in their order. Starts are read before their own event is."""

    def __init__(self, audit: Audit) -> None:
        self._audit = audit
        self._in_flight: dict[str, dict[tuple[str, int | None], int]] = {}
        """Cluster -> the rollouts and steps that have claimed it, with the event that says so."""
        self._labels: dict[str, Labels | None] = {}
        """The labels of clusters that are or were in flight, as starts have recorded them; None:
        they are not known."""
        self._ends = RolloutEnds()
        self._failures = HubFailures(audit.proofs)

    def read_labels(self, event: Event) -> None:
        """Reads what a start records of the clusters that are in flight already. It is judged by
        that, too."""
        if event.kind == "RunIntended":
            for name, labels in (_facts(event).beside or {}).items():
                known = self._labels.get(name) or {}
                self._labels[name] = {**known, **labels} if labels is not None else None

    def read(self, event: Event) -> None:
        """Counts how the member ends, and the claim that it takes or releases."""
        rollout = self._audit.rollouts.get(event.rollout)
        proofs = self._audit.proofs.get(rollout.kind) if rollout is not None else None
        if rollout is not None and proofs is not None:
            self._ends.read(event, proofs, resumes=rollout.resumed == event.seq)
        self._failures.read(event)
        if event.kind in CLAIMING and event.cluster is not None:
            self._count(event, event.cluster)

    def claims_on(self, clusters: Iterable[str]) -> Iterator[int]:
        """Yields the events by which the first of these clusters were claimed."""
        for cluster in islice(clusters, _NAMED):
            yield from self._in_flight[cluster].values()

    def start(self, event: Event, rollout: RolloutCase) -> Start | None:
        """Returns the start, or the action that is sent; None: it leads back, or the history does
        not have its step."""
        proofs = self._audit.proofs.get(rollout.kind)
        if proofs is None or event.step is None or event.step >= len(rollout.steps):
            return None
        action = str(event.data.get("action") or "")
        action = proofs.parts.get(action, action)
        chain, cluster = rollout.steps[event.step].actions, event.cluster or ""
        if action in proofs.ways_back or action not in chain:
            return None
        begun = (event.rollout, event.step) in self._in_flight.get(cluster, {})
        begun = begun and not _is_first(rollout.steps[event.step], event)
        ahead = chain[chain.index(action) :]
        return Start(
            at=event.at,
            namespace=rollout.name.partition("/")[0],
            cluster=cluster,
            action=action,
            rest=() if begun else ahead,
            ahead=ahead,
            others=self._in_flight.keys() - {cluster},
            step=event.step,
            grants=rollout.grants,
            progress=self._ends.progress(rollout, event.step),
            stopped_by_failures=action in proofs.reboots if begun else _leads_on(proofs, chain[0]),
            failed_on_hub=self._failures.after,
            facts=_facts(event),
            labels=self._labels,
            unmet=unmet(proofs, rollout, rollout.steps[event.step], event, action),
        )

    def _count(self, event: Event, cluster: str) -> None:
        member = (event.rollout, event.step)
        claims = self._in_flight.setdefault(cluster, {})
        begun = claims.pop(member, None)
        if _claims(event):
            self._count_labels(event, cluster, begun=begun is not None, alone=not claims)
            claims[member] = event.seq
        elif not claims:
            del self._in_flight[cluster]

    def _count_labels(self, event: Event, cluster: str, *, begun: bool, alone: bool) -> None:
        """Keeps the labels with which the cluster takes its claim. `alone`: no other cluster of
        that name has one."""
        facts = _facts(event)
        known = (self._labels.get(cluster) or {}) if begun else {}
        self._labels[cluster] = {**known, **facts.labels} if alone else None


def _is_first(step: StepCase, event: Event) -> bool:
    """Whether the action begins its chain, and is sent now."""
    member = step.members.get(event.cluster or "")
    run = member.run if member is not None else None
    return event.kind == "RunArming" and run is not None and run.first


def _leads_on(proofs: Proofs, first: str) -> bool | None:
    """Returns whether failures hold the starts of a step that begins with the action; None: that is
    not known of what completes an action before, or resumes what it has paused."""
    if first in proofs.ways_back:
        return False
    return True if first in proofs.preflight | proofs.labels else None


def is_canary(policies: Iterable[PossiblePolicy], start: Start) -> bool | None:
    """Returns whether the cluster is a canary of one of the policies; None: that is not known."""
    answers = [
        {canary_of(spec, with_policy_facts(each, start)) for spec in each.specs}
        | ({False} if each.absent else set())
        for each in policies
    ]
    if {True} in answers:
        return True
    return False if all(each == {False} for each in answers) else None


def with_policy_facts(policy: PossiblePolicy, start: Start) -> Start:
    """Returns the start with what the policy had read; nothing, if it is not certain which version
    of it was known."""
    certain = all(each == policy.specs[0] for each in policy.specs)
    found = start.facts.policies.get(policy.name) if certain else None
    return replace(start, policy_facts=found or PolicyFacts())


def _facts(event: Event) -> StartFacts:
    """Returns what policies had read of the cluster; a history that is older has nothing of it, and
    one that can't be read counts as such."""
    try:
        return convert(event.data.get("facts", {}), StartFacts)
    except ValidationError:
        return StartFacts()


def _claims(event: Event) -> bool:
    """Whether the member has the claim on its cluster from the event on."""
    if event.kind in ("MemberAdopted", "Imported"):
        return bool(event.data.get("slot"))
    return event.kind in ("RunIntended", "RunReopened")

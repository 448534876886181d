"""Says which RolloutPolicies would have held what TALM starts (R50), by the gates of the engine.

Canaries, failure budgets, circuit breakers and approvals follow from the records of ibgu's own
rollouts. Those of TALM have none, so they are not asked.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta

from msgspec import Struct
from msgspec.structs import replace

from ibgu.core.assurance.shadow.records import ShadowNote, ShadowRun
from ibgu.core.engine.gate import GateInput, policy_gate
from ibgu.core.engine.gates.gate import Candidate
from ibgu.core.engine.gates.policies import PolicyGates
from ibgu.core.engine.gates.policies.limits import full
from ibgu.core.engine.state import FleetState
from ibgu.core.engine.state.occupancy import ClusterLookup
from ibgu.core.engine.state.policy_limits import Place, PolicyLimits
from ibgu.core.model import ActionName, ClusterView, Observation
from ibgu.core.model.actions import whole
from ibgu.core.model.rollout_policy import PolicyState, RolloutPolicy
from ibgu.core.plan.tenancy import Scope

SEEN_WITHIN = timedelta(minutes=5)
"""The longest time after a start in which the policies and labels are those of the start."""
_KNOWN = frozenset({GateInput.CLUSTER, GateInput.TIME, GateInput.DURATIONS})
"""What shadow mode knows of a start, for the gates that ask."""


class TalmStart(Struct, frozen=True):
    """TalmStart is an action that TALM has begun on a cluster."""

    namespace: str
    labels: Mapping[str, str]
    """Those of the IBGU."""
    cluster: ClusterView
    action: ActionName
    rest: Sequence[ActionName]
    """This action and those that follow in the step; empty: the cluster has begun the step."""
    at: datetime


class PolicyHold(Struct, frozen=True):
    """PolicyHold is why a policy would have held a start."""

    gate: str
    """The policy's gate, or that of holds by annotation."""
    words: str


class ShadowPolicies:
    """ShadowPolicies judges starts of TALM's by the policies of the hub."""

    def __init__(
        self, cluster: ClusterLookup, clusters: Callable[[], Iterable[ClusterView]]
    ) -> None:
        """`clusters` returns those of the whole hub."""
        self._cluster = cluster
        self._clusters = clusters
        self._gates = PolicyGates(FleetState(), cluster, clusters, dict)

    def holds(
        self, state: PolicyState, start: TalmStart, in_flight: Collection[str], now: datetime
    ) -> Iterator[PolicyHold]:
        """Yields the policies that would have held the start. `in_flight`: the other clusters at
        which TALM is at work. Nothing: the policies, or those of that time, are not known."""
        if state.problem or now - start.at > SEEN_WITHIN:
            return
        candidate, closed = _candidate(start), set()
        gates = self._gates.of(state, start.namespace, start.labels).gates
        for gate in gates:
            asked = gate.keeps(start.action) if start.rest else gate.guards(start.action)
            reason = gate.check(candidate) if asked and gate.needs <= _KNOWN else None
            if reason is not None and gate.name not in closed:
                closed.add(gate.name)
                yield PolicyHold(gate.name, reason.message)
        limited = {gate.name for gate in gates if GateInput.IN_FLIGHT in gate.needs} - closed
        for policy in state.policies:
            name = policy_gate(policy.metadata.name)
            if name in limited and (words := self._full(policy, start, in_flight)):
                yield PolicyHold(name, words)

    def _full(self, policy: RolloutPolicy, start: TalmStart, in_flight: Collection[str]) -> str:
        """Returns which limit of the policy is reached; empty: none."""
        names = set(policy.spec.actions)
        if not any(not names or whole(each) in names for each in start.rest):
            return ""
        limits = PolicyLimits(policy.metadata.name, policy.spec)
        if limits.by_share:
            limits.count(sum(map(limits.selects, self._clusters())))
        taken = Counter(self._places(limits, in_flight))
        for place in limits.places(start.cluster):
            if taken[place] >= limits.room(place):
                return full(limits, place, start.cluster.name)
        return ""

    def _places(self, limits: PolicyLimits, in_flight: Iterable[str]) -> Iterator[Place]:
        for name in in_flight:
            found = self._cluster(name)
            yield from limits.places(found) if found is not None else limits.places_unseen(name)


def _candidate(start: TalmStart) -> Candidate:
    return Candidate(
        action=start.action,
        rest=start.rest,
        cluster=start.cluster,
        seen=Observation(cluster=start.cluster),
        scope=Scope(),
        # The gate that asks for backups is not asked itself.
        lacks_backup=lambda action: "",
        now=start.at,
    )


def with_holds(run: ShadowRun, holds: Iterable[PolicyHold]) -> ShadowRun:
    """Returns the run at first sight, with a line of history for each policy."""
    notes = (
        ShadowNote(run.since, f"{each.gate} would have held it: {each.words}", each.gate)
        for each in holds
    )
    return replace(run, notes=(*run.notes, *notes))

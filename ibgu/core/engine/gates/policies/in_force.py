"""The policies in force, with their gates (R50).

A policy holds the rollouts that it selects. Its limits count what every rollout has in flight.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from functools import partial

from msgspec import Struct

from ibgu.core.engine.gate import Gate, GateInput, policy_gate
from ibgu.core.engine.gates.gate import MemberGate
from ibgu.core.engine.gates.policies.cluster_hold import CLUSTER_HOLD
from ibgu.core.engine.gates.policies.policy import PolicyFactory, PolicyInForce, shut, unknown
from ibgu.core.engine.gates.policies.sources import Sources
from ibgu.core.engine.gates.policies.start_facts import NeededFacts, start_facts
from ibgu.core.engine.gates.policies.times import Durations
from ibgu.core.engine.gates.policies.waiting import WaitingMembers
from ibgu.core.engine.state import FleetState
from ibgu.core.engine.state.budgets import PolicyBudget
from ibgu.core.engine.state.canaries import PolicyCanaries
from ibgu.core.engine.state.demands import PolicyDemands
from ibgu.core.engine.state.health_observations import Canary, HealthLookup, not_observed
from ibgu.core.engine.state.occupancy import ClusterLookup
from ibgu.core.engine.state.policy_limits import PolicyLimits
from ibgu.core.engine.state.retries import RetryPolicy
from ibgu.core.engine.state.snapshot import SeedBreaker, StartingMember
from ibgu.core.model import ClusterView
from ibgu.core.model.rollout_policy import PolicyState
from ibgu.core.model.start_facts import Labels, StartFacts
from ibgu.core.plan.policies import selector_keys

UNKNOWN = "RolloutPolicies"
"""The name of the gate that is closed while the hub's policies are not known."""


def policies_unknown(gates: Iterable[Gate]) -> bool:
    """Returns whether the gate is among them that is closed while the hub's policies are not
    known."""
    return any(gate.name == UNKNOWN for gate in gates)


class HoldingPolicies(Struct, frozen=True):
    """HoldingPolicies are those that hold one rollout."""

    gates: tuple[MemberGate, ...] = (CLUSTER_HOLD,)
    """The gates of policies, and that of holds by annotation, which needs none."""
    budgets: tuple[PolicyBudget, ...] = ()
    breakers: tuple[SeedBreaker, ...] = ()
    canaries: tuple[PolicyCanaries, ...] = ()
    demands: tuple[PolicyDemands, ...] = ()
    retries: tuple[RetryPolicy, ...] = ()
    facts: tuple[NeededFacts, ...] = ()
    limits: tuple[PolicyLimits, ...] = ()
    rollout_labels: Labels = {}
    """The labels of the rollout that any policy reads."""
    unrecorded: Callable[[], Mapping[str, Labels | None]] = dict
    """Returns by which labels claimed clusters count, where the history does not have them."""
    known: bool = True
    """Whether all of them can be followed."""

    def start_facts(self, start: StartingMember) -> StartFacts | None:
        """Returns what these policies read of a cluster that starts; None: nothing."""
        return start_facts(self.facts, self.rollout_labels, start, self.unrecorded)


class PolicyGates:
    """PolicyGates makes the gates of the policies in force, for the rollouts of one fleet."""

    def __init__(
        self,
        fleet: FleetState,
        cluster: ClusterLookup,
        clusters: Callable[[], Iterable[ClusterView]],
        durations: Durations,
        observed: HealthLookup = not_observed,
        sources: Sources | None = None,
    ) -> None:
        """`clusters` returns those of the whole hub. `sources`: the sources of health that are set
        up; None: this process does not know them, and no policy is held for one."""
        self._unrecorded = partial(fleet.occupancy.unrecorded, cluster)
        self._factory = PolicyFactory(fleet.occupancy, cluster, durations, observed, sources)
        self._waiting = WaitingMembers(fleet, cluster, clusters)
        self._state: PolicyState | None = None
        self._policies: tuple[PolicyInForce, ...] = ()
        self._rollout_keys: list[str] = []
        """The keys of labels by which policies select rollouts."""

    def of(self, state: PolicyState, namespace: str, labels: Mapping[str, str]) -> HoldingPolicies:
        """Returns the policies that hold a rollout of the namespace, by the labels of its
        object."""
        if state is not self._state:
            self._follow(state)
        holding = [each for each in self._policies if each.holds(namespace, labels)]
        # A member waits for a place only while no other gate keeps it.
        gates = [gate for each in holding for gate in each.gates]
        return HoldingPolicies(
            (CLUSTER_HOLD, *sorted(gates, key=lambda gate: GateInput.IN_FLIGHT in gate.needs)),
            tuple(each.budget for each in holding if each.budget is not None),
            tuple(each.breaker for each in holding if each.breaker is not None),
            tuple(each.canaries for each in holding if each.canaries is not None),
            tuple(each.demands for each in holding if each.demands is not None),
            tuple(each.retry for each in holding if each.retry is not None),
            tuple(each.facts for each in holding if each.facts is not None),
            tuple(each.limits for each in holding if each.limits is not None),
            {key: labels.get(key) for key in self._rollout_keys},
            self._unrecorded,
            known=all(each.followed for each in holding),
        )

    def recount(self, now: datetime) -> bool:
        """Looks again at what changes with labels and time: limits that are a share of clusters,
        canaries and budgets. Returns whether that changes who may start."""
        return self._waiting.recount(now)

    @property
    def closing_at(self) -> datetime | None:
        """The time at which a policy may keep clusters that it lets start now; None: none will."""
        return self._waiting.closing_at

    def closed_meanwhile(self, now: datetime) -> Iterator[tuple[str, list[str]]]:
        """Yields the waiting clusters, by the rollout's uid, if windows have closed or freezes have
        begun since the last call."""
        return self._waiting.closed_meanwhile(now)

    def to_decide_again(self, now: datetime) -> Iterator[tuple[str, list[str]]]:
        """Yields the clusters of waiting members that a policy may let go, by the rollout's
        uid."""
        return self._waiting.to_decide_again(now)

    def to_observe(self, now: datetime) -> Iterator[Canary]:
        """Yields the canaries whose health ibgu has to observe now."""
        return self._waiting.to_observe(now)

    def _follow(self, state: PolicyState) -> None:
        self._policies = (
            *((unknown(UNKNOWN, state.problem),) if state.problem else ()),
            *(
                shut(policy_gate(name), f"the policy can't be read: {why}")
                for name, why in state.unreadable
            ),
            *(self._factory.make(each.metadata.name, each.spec) for each in state.policies),
        )
        selectors = [each.spec.rollouts.selector for each in state.policies]
        self._rollout_keys = sorted({key for each in selectors for key in selector_keys(each)})
        self._waiting.follow(self._policies)
        self._state = state

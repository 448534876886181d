"""The policies in force, with their gates (R50).

A policy holds the rollouts that it selects. Its limits count what every rollout has in flight.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from functools import partial

from msgspec import Struct

from ibgu.core.engine.gate import ActionFilter, GateInput, kept_by_policy, of_policies, policy_gate
from ibgu.core.engine.gates.gate import Candidate, MemberGate
from ibgu.core.engine.gates.policies.canaries import canaries_gate
from ibgu.core.engine.gates.policies.cluster_hold import CLUSTER_HOLD
from ibgu.core.engine.gates.policies.faults import faults
from ibgu.core.engine.gates.policies.limits import limits_gate
from ibgu.core.engine.gates.policies.times import Durations, times_gate
from ibgu.core.engine.state import FleetState, TrackedStep
from ibgu.core.engine.state.budgets import PolicyBudget
from ibgu.core.engine.state.canaries import CanaryState, PolicyCanaries
from ibgu.core.engine.state.occupancy import ClusterLookup, Place, PolicyLimits
from ibgu.core.engine.state.snapshot import SeedBreaker
from ibgu.core.model import ActingParty, ActionTraits, ClusterView, Reason, traits
from ibgu.core.model.actions import whole
from ibgu.core.model.meaning import Meaning
from ibgu.core.model.rollout_policy import (
    BudgetScope,
    PolicyClusters,
    PolicyState,
    RolloutPolicySpec,
)
from ibgu.core.plan.policies import selection_faults, selects_cluster, selects_rollout
from ibgu.core.text.harmless import one_line

UNKNOWN = "RolloutPolicies"
"""The name of the gate that is closed while the hub's policies are not known."""
_MAX_CHARACTERS = 500
"""Characters of a reason that quotes what somebody has written."""
_INVALID = Meaning(
    "a policy can't be followed, so nothing starts that it might hold",
    "the policy is corrected or deleted",
    "have the policy's owner correct it; ibgu policy lint says what is wrong",
)


class _PolicyInForce(Struct, frozen=True):
    """_PolicyInForce is one policy with its gates."""

    gates: tuple[MemberGate, ...]
    spec: RolloutPolicySpec | None = None
    """None: it is not known which rollouts the policy selects, so it holds all of them."""
    limits: PolicyLimits | None = None
    """None: the policy has no limits that can be followed."""
    budget: PolicyBudget | None = None
    breaker: SeedBreaker | None = None
    canaries: PolicyCanaries | None = None
    followed: bool = True
    """Whether the policy can be followed."""

    def holds(self, namespace: str, labels: Mapping[str, str]) -> bool:
        return self.spec is None or selects_rollout(self.spec.rollouts, namespace, labels)


class HoldingPolicies(Struct, frozen=True):
    """HoldingPolicies are those that hold one rollout."""

    gates: tuple[MemberGate, ...] = (CLUSTER_HOLD,)
    """The gates of policies, and that of holds by annotation, which needs none."""
    budgets: tuple[PolicyBudget, ...] = ()
    breakers: tuple[SeedBreaker, ...] = ()
    canaries: tuple[PolicyCanaries, ...] = ()
    known: bool = True
    """Whether all of them can be followed."""


class PolicyGates:
    """PolicyGates makes the gates of the policies in force, for the rollouts of one fleet."""

    def __init__(
        self,
        fleet: FleetState,
        cluster: ClusterLookup,
        clusters: Callable[[], Iterable[ClusterView]],
        durations: Durations,
    ) -> None:
        """`clusters` returns those of the whole hub."""
        self._fleet = fleet
        self._cluster = cluster
        self._clusters = clusters
        self._durations = durations
        self._state: PolicyState | None = None
        self._policies: tuple[_PolicyInForce, ...] = ()
        self._seen: dict[tuple[str, int, str], CanaryState] = {}
        """The state of canaries that the members behind them were decided on, by rollout, step and
        policy."""

    def of(self, state: PolicyState, namespace: str, labels: Mapping[str, str]) -> HoldingPolicies:
        """Returns the policies that hold a rollout of the namespace, by the labels of its
        object."""
        if state is not self._state:
            self._follow(state)
        holding = [each for each in self._policies if each.holds(namespace, labels)]
        return HoldingPolicies(
            (CLUSTER_HOLD, *(gate for each in holding for gate in each.gates)),
            tuple(each.budget for each in holding if each.budget is not None),
            tuple(each.breaker for each in holding if each.breaker is not None),
            tuple(each.canaries for each in holding if each.canaries is not None),
            known=all(each.followed for each in holding),
        )

    def recount(self, now: datetime) -> bool:
        """Counts again how many clusters each policy selects, for limits that are a share of them,
        and chooses the canaries again; returns whether a limit or a canary is another one."""
        return any([self._recount_limits(), *self._chosen_again(now)])

    def _recount_limits(self) -> bool:
        shares = [limits for limits in self._limits() if limits.by_share]
        clusters = list(self._clusters()) if shares else []
        changed = [each.count(sum(map(each.selects, clusters))) for each in shares]
        return any(changed)

    def _chosen_again(self, now: datetime) -> Iterator[bool]:
        return (canaries.choose_again(step, now) for canaries, step in self._awaited())

    def _awaited(self) -> Iterator[tuple[PolicyCanaries, TrackedStep]]:
        """Yields the canaries of each policy with each step of which policies keep members."""
        canaries = [each.canaries for each in self._policies if each.canaries is not None]
        for tracked in self._fleet.rollouts.values() if canaries else ():
            step = tracked.current
            if step is not None and step.kept:
                yield from ((each, step) for each in canaries)

    def to_decide_again(self, now: datetime) -> Iterator[tuple[str, list[str]]]:
        """Yields the clusters of waiting members that a policy may let go, by the rollout's uid:
        nothing else tells them."""
        yield from self._waiting_for_places()
        yield from self._behind_canaries(now)
        yield from self._behind_budgets()

    def _waiting_for_places(self) -> Iterator[tuple[str, list[str]]]:
        """Yields those for which places have become free: at most as many as there are places."""
        if not self._fleet.occupancy.take_freed():
            return
        limits = self._limits()
        for uid, tracked in self._fleet.rollouts.items():
            step = tracked.current
            if step is not None and step.kept and step.free > 0:
                names = [name for each in limits for name in self._next(each, step)]
                if names:
                    yield uid, names

    def _behind_canaries(self, now: datetime) -> Iterator[tuple[str, list[str]]]:
        """Yields those whose canaries have changed since they were decided on."""
        known, self._seen = self._seen, {}
        for canaries, step in self._awaited():
            names = list(step.kept_by(policy_gate(canaries.policy)))
            if not names:
                continue
            key = (*step.step.key, canaries.policy)
            state = self._seen[key] = canaries.state(step, now)
            if known.get(key) != state:
                yield step.step.rollout, names

    def _behind_budgets(self) -> Iterator[tuple[str, list[str]]]:
        """Yields the rollouts that a budget may hold no longer: a failure of any of them, which
        counted on the whole hub, does not any more."""
        if not self._fleet.failures.take_removed():
            return
        for uid, tracked in self._fleet.rollouts.items():
            if tracked.current is not None and tracked.current.step.hold is not None:
                yield uid, []

    def _limits(self) -> tuple[PolicyLimits, ...]:
        return tuple(each.limits for each in self._policies if each.limits is not None)

    def _next(self, limits: PolicyLimits, step: TrackedStep) -> Iterator[str]:
        """Yields the clusters that the policy's limits have kept and would let start now, in their
        order. Members that are about to start need their places."""
        kept = step.kept.get((policy_gate(limits.name), ActingParty.CLUSTER))
        if kept is None:
            return
        free: dict[Place, int] = {}
        for member in step.head(step.free):
            self._take(limits, member.cluster, free)
        for _, name in kept:
            if self._take(limits, name, free):
                yield name
            if free.get(Place(limits.name), 1) <= 0:
                return

    def _take(self, limits: PolicyLimits, name: str, free: dict[Place, int]) -> bool:
        """Takes the cluster's places out of those that are free; returns whether all were."""
        cluster = self._cluster(name)
        places = list(limits.places(cluster)) if cluster is not None else []
        for place in places:
            if place not in free:
                free[place] = self._fleet.occupancy.free(limits, place, self._cluster)
        if any(free[place] <= 0 for place in places):
            return False
        free.update({place: free[place] - 1 for place in places})
        return True

    def _follow(self, state: PolicyState) -> None:
        self._policies = (
            *((_shut(UNKNOWN, state.problem),) if state.problem else ()),
            *(
                _shut(policy_gate(name), f"the policy can't be read: {why}")
                for name, why in state.unreadable
            ),
            *(self._in_force(each.metadata.name, each.spec) for each in state.policies),
        )
        self._recount_limits()
        self._fleet.occupancy.follow(self._limits(), self._fleet.left_rebooting())
        self._state = state

    def _in_force(self, name: str, spec: RolloutPolicySpec) -> _PolicyInForce:
        if problem := _problem(spec):
            return _shut(policy_gate(name), f"the policy can't be followed: {problem}", spec)
        actions, gates, breaker = _held_by(spec), [], None
        if spec.breaker is not None:
            concerns = partial(self._concerns, spec, actions)
            breaker = SeedBreaker(name, spec.breaker, of_policy=True, concerns=concerns)
        if spec.windows or spec.freezes:
            gates.append(times_gate(name, spec, actions, self._durations))
        canaries = self._canaries(name, spec, actions)
        if canaries is not None:
            gates.append(canaries_gate(canaries, actions, partial(_selects, spec)))
        limits = PolicyLimits(name, spec)
        if limits.any:
            gates.append(limits_gate(limits, actions, self._fleet.occupancy, self._cluster))
        return _PolicyInForce(
            tuple(gates),
            spec,
            limits if limits.any else None,
            self._budget(name, spec, actions),
            breaker,
            canaries,
        )

    def _concerns(self, spec: RolloutPolicySpec, actions: ActionFilter, step: TrackedStep) -> bool:
        """Returns whether the policy holds an action of the step, and is about a cluster of it."""
        views = (self._cluster(name) for name in step.members)
        return any(actions(traits(action)) for action in step.step.actions) and any(
            view is not None and _selects(spec, view) for view in views
        )

    def _canaries(
        self, name: str, spec: RolloutPolicySpec, actions: ActionFilter
    ) -> PolicyCanaries | None:
        if spec.canaries is None:
            return None
        return PolicyCanaries(name, spec.canaries, actions, self._cluster, partial(_selects, spec))

    def _budget(
        self, name: str, spec: RolloutPolicySpec, actions: ActionFilter
    ) -> PolicyBudget | None:
        budget = spec.failure_budget

        def selects(cluster: str) -> bool:
            found = self._cluster(cluster)
            if found is not None:
                return _selects(spec, found)
            # One of another rollout may be gone that the policy never was about.
            own = budget is not None and budget.per is not BudgetScope.HUB
            return own or spec.clusters == PolicyClusters()

        return PolicyBudget(name, budget, actions, selects) if budget is not None else None


def _problem(spec: RolloutPolicySpec) -> str:
    """Returns why the policy can't be followed; empty: it can. No policy may end the controller,
    which also leads clusters back."""
    try:
        return next(faults(spec), "")
    except (ArithmeticError, LookupError, ValueError) as error:
        return f"{type(error).__name__}: {error}"


def _shut(name: str, problem: str, spec: RolloutPolicySpec | None = None) -> _PolicyInForce:
    """Returns a policy that can't be followed: nothing starts of what it may hold."""
    known = spec if spec is not None and not any(selection_faults(spec)) else None
    words = one_line(problem)[:_MAX_CHARACTERS]

    def check(candidate: Candidate) -> Reason | None:
        if known is not None and not selects_cluster(known.clusters, candidate.cluster.labels):
            return None
        return kept_by_policy(words, candidate.now, who=ActingParty.PERSON)

    gate = MemberGate(
        name=name,
        check=check,
        reasons=of_policies(_INVALID),
        needs=frozenset({GateInput.CLUSTER}),
        chained=lambda action: True,
    )
    return _PolicyInForce((gate,), known, followed=False)


def _selects(spec: RolloutPolicySpec, cluster: ClusterView) -> bool:
    return selects_cluster(spec.clusters, cluster.labels)


def _held_by(spec: RolloutPolicySpec) -> ActionFilter:
    names = frozenset(spec.actions)

    def holds(action: ActionTraits) -> bool:
        return not names or whole(action.name) in names

    return holds

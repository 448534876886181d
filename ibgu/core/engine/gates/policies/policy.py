"""One policy in force, with everything that follows from its spec (R50)."""

from collections.abc import Mapping
from functools import partial

from msgspec import Struct

from ibgu.core.engine.gate import ActionFilter, GateInput, kept_by_policy, of_policies, policy_gate
from ibgu.core.engine.gates.gate import Candidate, MemberGate
from ibgu.core.engine.gates.policies.approvals import approvals_gate
from ibgu.core.engine.gates.policies.backups import backup_gate
from ibgu.core.engine.gates.policies.canaries import canaries_gate
from ibgu.core.engine.gates.policies.faults import faults
from ibgu.core.engine.gates.policies.limits import limits_gate
from ibgu.core.engine.gates.policies.sources import Sources, source_faults, sources_gate
from ibgu.core.engine.gates.policies.start_facts import NeededFacts, label_keys
from ibgu.core.engine.gates.policies.times import ClosingTime, Durations, times_gate
from ibgu.core.engine.state import TrackedStep
from ibgu.core.engine.state.budgets import PolicyBudget
from ibgu.core.engine.state.canaries import PolicyCanaries
from ibgu.core.engine.state.demands import PolicyDemands
from ibgu.core.engine.state.health_observations import HealthLookup
from ibgu.core.engine.state.occupancy import ClusterLookup, Occupancy
from ibgu.core.engine.state.policy_limits import PolicyLimits
from ibgu.core.engine.state.retries import RetryPolicy
from ibgu.core.engine.state.snapshot import SeedBreaker
from ibgu.core.model import ActingParty, ClusterView, PolicyRule, Reason, traits
from ibgu.core.model.meaning import Meaning
from ibgu.core.model.rollout_policy import (
    ApprovalMoment,
    BudgetScope,
    PolicyClusters,
    RolloutPolicySpec,
)
from ibgu.core.plan.policies import holds_action, selection_faults, selects_cluster, selects_rollout
from ibgu.core.text.harmless import one_line

_MAX_CHARACTERS = 500
"""Characters of a reason that quotes what somebody has written."""
INVALID_MEANING = Meaning(
    "a policy can't be followed, so nothing starts that it might hold",
    "the policy is corrected or deleted",
    "have the policy's owner correct it; `ibgu policy lint` says what is wrong",
)
UNKNOWN_MEANING = Meaning(
    "ibgu does not know the policies of the hub, so nothing new starts",
    "ibgu has read the policies",
    "what the reason asks for; if it asks for nothing, wait until ibgu has read them",
)


class PolicyInForce(Struct, frozen=True):
    """PolicyInForce is one policy with its gates."""

    gates: tuple[MemberGate, ...]
    spec: RolloutPolicySpec | None = None
    """None: it is not known which rollouts the policy selects, so it holds all of them."""
    limits: PolicyLimits | None = None
    """None: the policy has no limits that can be followed."""
    closing: ClosingTime | None = None
    """None: the policy can't be followed."""
    budget: PolicyBudget | None = None
    breaker: SeedBreaker | None = None
    canaries: PolicyCanaries | None = None
    demands: PolicyDemands | None = None
    retry: RetryPolicy | None = None
    facts: NeededFacts | None = None
    followed: bool = True
    """Whether the policy can be followed."""

    def holds(self, namespace: str, labels: Mapping[str, str]) -> bool:
        return self.spec is None or selects_rollout(self.spec.rollouts, namespace, labels)


class PolicyFactory:
    """PolicyFactory makes what follows from a policy, for the rollouts of one fleet."""

    def __init__(
        self,
        occupancy: Occupancy,
        cluster: ClusterLookup,
        durations: Durations,
        observed: HealthLookup,
        sources: Sources | None,
    ) -> None:
        """`sources`: those of the administrator; None: this process does not know them."""
        self._sources = sources
        self._observed = observed
        self._occupancy = occupancy
        self._cluster = cluster
        self._durations = durations

    def make(self, name: str, spec: RolloutPolicySpec) -> PolicyInForce:
        if problem := _problem(spec):
            return shut(policy_gate(name), f"the policy can't be followed: {problem}", spec)
        actions, gates, breaker = _held_by(spec), [], None
        if spec.breaker is not None:
            concerns = partial(self._concerns, spec, actions)
            breaker = SeedBreaker(name, spec.breaker, of_policy=True, concerns=concerns)
        if self._sources is not None and (fault := next(source_faults(spec, self._sources), "")):
            gates.append(sources_gate(name, fault, actions, partial(_selects, spec)))
        closing = ClosingTime(self._durations)
        if spec.windows or spec.freezes:
            gates.append(times_gate(name, spec, actions, closing))
        canaries = self._canaries(name, spec, actions)
        if canaries is not None:
            rest = spec.approval is not None and spec.approval.before is ApprovalMoment.REST
            about = partial(_selects, spec)
            gates.append(canaries_gate(canaries, actions, about, approved=rest))
        if spec.approval is not None:
            about = partial(_selects, spec)
            gates.append(approvals_gate(name, spec.approval, actions, about, canaries, closing))
        if spec.backup is not None:
            gates.append(backup_gate(name, actions, partial(_selects, spec)))
        limits, budget = PolicyLimits(name, spec, actions), self._budget(name, spec, actions)
        if limits.any:
            gates.append(limits_gate(limits, self._occupancy, self._cluster))
        return PolicyInForce(
            tuple(gates),
            spec,
            limits if limits.any else None,
            closing,
            budget,
            breaker,
            canaries,
            _demands(name, spec, actions),
            RetryPolicy(name, spec.retry, partial(_selects, spec)) if spec.retry else None,
            NeededFacts(
                name,
                frozenset(label_keys(spec)) | limits.keys,
                zoned=any(not each.time_zone for each in spec.windows),
                fit=actions if spec.fit and spec.windows else None,
                durations=self._durations,
                counts_labels=bool(limits.keys),
                share=limits if limits.by_share else None,
                canaries=canaries,
                budget=budget if spec.clusters != PolicyClusters() else None,
                authors=spec.approval is not None and spec.approval.four_eyes,
            ),
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
        selects = partial(_selects, spec)
        return PolicyCanaries(
            name,
            spec.canaries,
            actions,
            self._cluster,
            selects,
            self._observed,
            about_some=spec.clusters != PolicyClusters(),
        )

    def _budget(
        self, name: str, spec: RolloutPolicySpec, actions: ActionFilter
    ) -> PolicyBudget | None:
        budget = spec.failure_budget

        def selects(found: ClusterView | None) -> bool:
            if found is not None:
                return _selects(spec, found)
            # One of another rollout may be gone that the policy never was about.
            own = budget is not None and budget.per is not BudgetScope.HUB
            return own or spec.clusters == PolicyClusters()

        if budget is None:
            return None
        about_some = spec.clusters != PolicyClusters()
        return PolicyBudget(name, budget, actions, self._cluster, selects, about_some=about_some)


def _demands(name: str, spec: RolloutPolicySpec, actions: ActionFilter) -> PolicyDemands | None:
    if spec.preflight is None and spec.warnings is None:
        return None
    return PolicyDemands(
        name,
        preflight=spec.preflight is not None,
        warnings=spec.warnings is not None,
        actions=actions,
        selects=partial(_selects, spec),
    )


def _problem(spec: RolloutPolicySpec) -> str:
    """Returns why the policy can't be followed; empty: it can. No policy may end the controller,
    which also leads clusters back."""
    try:
        return next(faults(spec), "")
    except (ArithmeticError, LookupError, ValueError) as error:
        return f"{type(error).__name__}: {error}"


def unknown(name: str, problem: str) -> PolicyInForce:
    """Returns what holds while the policies of the hub are not known: nothing starts."""
    return _shut(name, problem, PolicyRule.UNKNOWN, UNKNOWN_MEANING)


def shut(name: str, problem: str, spec: RolloutPolicySpec | None = None) -> PolicyInForce:
    """Returns a policy that can't be followed: nothing starts of what it may hold."""
    return _shut(name, problem, PolicyRule.INVALID, INVALID_MEANING, spec)


def _shut(
    name: str,
    problem: str,
    rule: PolicyRule,
    meaning: Meaning,
    spec: RolloutPolicySpec | None = None,
) -> PolicyInForce:
    known = spec if spec is not None and not any(selection_faults(spec)) else None
    words = one_line(problem)[:_MAX_CHARACTERS]
    groups = known.never_together if known is not None else []
    neighbours = frozenset(cluster for group in groups for cluster in group.clusters)

    def check(candidate: Candidate) -> Reason | None:
        cluster = candidate.cluster
        about = known is None or selects_cluster(known.clusters, cluster.labels)
        if not about and cluster.name not in neighbours:
            return None
        return kept_by_policy(words, candidate.now, who=ActingParty.PERSON)

    gate = MemberGate(
        name=name,
        check=check,
        reasons=of_policies(meaning),
        rule=rule,
        needs=frozenset({GateInput.CLUSTER}),
        chained=lambda action: True,
    )
    return PolicyInForce((gate,), known, followed=False)


def _selects(spec: RolloutPolicySpec, cluster: ClusterView) -> bool:
    return selects_cluster(spec.clusters, cluster.labels)


def _held_by(spec: RolloutPolicySpec) -> ActionFilter:
    return lambda action: holds_action(spec, action.name)

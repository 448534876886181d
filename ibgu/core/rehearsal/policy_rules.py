"""The rules of policies on failures and canaries, prepared once for all runs of a plan."""

from collections.abc import Sequence

from ibgu.core.model import ActionName, ClusterView, traits
from ibgu.core.model.actions import whole
from ibgu.core.model.rollout_policy import PolicyClusters, RolloutPolicySpec
from ibgu.core.plan import matches
from ibgu.core.plan.policies import selects_cluster
from ibgu.core.rehearsal.budgets import BudgetRule, UpgradeRule
from ibgu.core.rehearsal.canaries import CanaryRule
from ibgu.core.rehearsal.model import PlannedStep, RehearsedPlan


def holds(spec: RolloutPolicySpec, action: ActionName) -> bool:
    """Whether the policy holds the action: never one that leads a cluster back (R18.7)."""
    return not traits(action).leads_back and (not spec.actions or whole(action) in spec.actions)


def canary_rules(
    plan: RehearsedPlan, step: PlannedStep, clusters: Sequence[ClusterView]
) -> tuple[CanaryRule, ...]:
    """Returns the canaries of the policies that hold an action of the step."""
    found = []
    for number, policy in enumerate(plan.policies):
        canaries = policy.spec.canaries
        if canaries is None or not any(holds(policy.spec, each) for each in step.actions):
            continue
        about, selector = _about(policy.spec, clusters), canaries.selector
        chosen = [
            mine and (selector is None or matches(selector, each.labels))
            for mine, each in zip(about, clusters, strict=True)
        ]
        count = canaries.count if selector is None else 0
        found.append(CanaryRule(number, about, chosen, count, canaries.soak_minutes * 60.0))
    return tuple(found)


def budget_rules(plan: RehearsedPlan, clusters: Sequence[ClusterView]) -> tuple[BudgetRule, ...]:
    return tuple(
        BudgetRule(
            number,
            budget,
            _about(policy.spec, clusters),
            [tuple(holds(policy.spec, action) for action in step.actions) for step in plan.steps],
            by_labels=policy.spec.clusters != PolicyClusters(),
        )
        for number, policy in enumerate(plan.policies)
        if (budget := policy.spec.failure_budget) is not None
    )


def upgrade_rules(plan: RehearsedPlan, clusters: Sequence[ClusterView]) -> tuple[UpgradeRule, ...]:
    return tuple(
        UpgradeRule(
            number,
            breaker,
            _about(policy.spec, clusters),
            [
                traits(step.actions[0]).brings
                and any(holds(policy.spec, action) for action in step.actions)
                for step in plan.steps
            ],
        )
        for number, policy in enumerate(plan.policies)
        if (breaker := policy.spec.breaker) is not None
    )


def _about(spec: RolloutPolicySpec, clusters: Sequence[ClusterView]) -> list[bool]:
    return [selects_cluster(spec.clusters, each.labels) for each in clusters]

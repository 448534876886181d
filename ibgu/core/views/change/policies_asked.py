"""The policies that may hold a rollout, and what they want approved: a grant that none of them
asks for does nothing."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from ibgu.core.model import declared, traits
from ibgu.core.model.grants import ApprovalPoint
from ibgu.core.model.kinds import JsonObject, LabelSelector
from ibgu.core.model.rollout_policy import ApprovalMoment, PolicyApproval, RolloutPolicySpec
from ibgu.core.plan.policies import holds_action, readable, selects_rollout
from ibgu.core.views.change.model import ChangeTarget

Policies = Mapping[str, JsonObject | None]
"""The specs of the policies in force, by name; None: ibgu can't read it."""


def policies_of(policies: Policies, target: ChangeTarget) -> list[str]:
    """Returns the names of those that may hold the rollout, by its namespace and labels."""
    labels = target.object["metadata"].get("labels") or {}
    found = {name: readable(spec) for name, spec in policies.items()}
    return [
        name
        for name, spec in found.items()
        if spec is None or selects_rollout(spec.rollouts, target.namespace, labels)
    ]


def points_asked(
    policies: Policies, target: ChangeTarget, actions: Sequence[str]
) -> list[str] | None:
    """Returns the points of a step with these actions that policies want approved; None: a policy
    can't be read, so that it is not known."""
    specs = specs_of(policies, target)
    if len(specs) < len(policies_of(policies, target)):
        return None
    return points_of(specs, actions)


def points_of(specs: Iterable[RolloutPolicySpec], actions: Sequence[str]) -> list[str]:
    """Returns the points of a step with these actions that the policies want approved."""
    return list(dict.fromkeys(point for spec in specs for point in _points(spec, actions)))


def approvals_asked(
    specs: Iterable[RolloutPolicySpec], actions: Sequence[str], before: str
) -> list[PolicyApproval]:
    """Returns what the policies ask for that want this point of a step with these actions
    approved."""
    return [
        spec.approval
        for spec in specs
        if spec.approval is not None and before in _points(spec, actions)
    ]


def specs_of(policies: Policies, target: ChangeTarget) -> list[RolloutPolicySpec]:
    """Returns the specs of the policies that may hold the rollout and can be read."""
    found = [readable(policies[name]) for name in policies_of(policies, target)]
    return [spec for spec in found if spec is not None]


def specs_within(policies: Policies, namespace: str) -> list[RolloutPolicySpec]:
    """Returns the specs of the policies that hold every rollout of the namespace, whatever labels
    its object has."""
    found = [readable(spec) for spec in policies.values()]
    return [
        spec
        for spec in found
        if spec is not None
        and spec.rollouts.selector == LabelSelector()
        and selects_rollout(spec.rollouts, namespace, {})
    ]


def _points(spec: RolloutPolicySpec, actions: Sequence[str]) -> Iterator[str]:
    held = [action for action in actions if _holds(spec, action)]
    if spec.approval is None or not held:
        return
    if spec.approval.before is ApprovalMoment.ACTION:
        yield from held
    elif spec.approval.before is ApprovalMoment.REST:
        yield ApprovalPoint.REST
    else:
        yield ApprovalPoint.STEP


def _holds(spec: RolloutPolicySpec, action: str) -> bool:
    return declared(action) and not traits(action).leads_back and holds_action(spec, action)

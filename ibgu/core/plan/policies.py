"""Tells what a RolloutPolicy selects: rollouts by namespace and labels, clusters by set and
labels."""

from collections.abc import Callable, Iterator, Mapping

import msgspec

from ibgu.core.model.actions import ActionName, traits, whole
from ibgu.core.model.kinds import JsonObject, LabelSelector
from ibgu.core.model.rollout_policy import PolicyClusters, PolicyRollouts, RolloutPolicySpec
from ibgu.core.plan.selectors import matches, selector_faults
from ibgu.core.plan.tenancy import CLUSTER_SET_LABEL, GLOBAL_SET


def readable(spec: JsonObject | None) -> RolloutPolicySpec | None:
    """Returns the spec of a policy on the hub; None: it can't be read."""
    try:
        return None if spec is None else msgspec.convert(spec, RolloutPolicySpec)
    except msgspec.ValidationError:
        return None


def holds_action(spec: RolloutPolicySpec, action: ActionName) -> bool:
    """Whether the policy holds the action, by its name: one that names none holds all that lead
    forward, as their gates know."""
    return not spec.actions or whole(action) in spec.actions


def selects_rollout(selection: PolicyRollouts, namespace: str, labels: Mapping[str, str]) -> bool:
    """Whether the policy holds a rollout of that namespace, by the labels of its object."""
    named = not selection.namespaces or namespace in selection.namespaces
    return named and matches(selection.selector, labels)


def selects_cluster(selection: PolicyClusters, labels: Mapping[str, str]) -> bool:
    """Whether the policy is about a cluster, by the labels of its ManagedCluster. They do
    not say which clusters are in a set by a LabelSelector (`ibgu doctor` warns)."""
    within = not _bounded(selection) or labels.get(CLUSTER_SET_LABEL) in selection.cluster_sets
    return within and matches(selection.selector, labels)


def _bounded(selection: PolicyClusters) -> bool:
    """Whether the policy names sets in which not every cluster is."""
    return bool(selection.cluster_sets) and GLOBAL_SET not in selection.cluster_sets


def cluster_keys(selection: PolicyClusters) -> Iterator[str]:
    """Yields the keys of the labels by which the policy selects clusters."""
    if _bounded(selection):
        yield CLUSTER_SET_LABEL
    yield from selector_keys(selection.selector)


def selector_keys(selector: LabelSelector) -> Iterator[str]:
    """Yields the keys of the labels that the selector reads."""
    yield from selector.match_labels
    yield from (each.key for each in selector.match_expressions)


def selection_faults(spec: RolloutPolicySpec) -> Iterator[str]:
    """Yields why it is not known what the policy selects; each begins with the field's path."""
    for path, selector in (
        ("spec.rollouts.selector", spec.rollouts.selector),
        ("spec.clusters.selector", spec.clusters.selector),
    ):
        yield from (f"{path}{fault}" for fault in selector_faults(selector))


def action_faults(spec: RolloutPolicySpec, is_action: Callable[[str], bool]) -> Iterator[str]:
    """Yields which of the policy's actions it can't hold."""
    for name in spec.actions:
        if not is_action(name):
            yield f"spec.actions: there is no action {name}"
        elif traits(name).leads_back:
            yield f"spec.actions: no policy may hold {name}, which leads clusters back"

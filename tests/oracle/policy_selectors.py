"""Tells what a policy selects, by the labels that the history has (R50.1)."""

from collections.abc import Iterable, Iterator

from ibgu.core.model.kinds import LabelRequirement, LabelSelector
from ibgu.core.model.rollout_policy import PolicyClusters
from ibgu.core.model.start_facts import Labels

EVERY_CLUSTER = PolicyClusters()
_SET = "cluster.open-cluster-management.io/clusterset"
_GLOBAL = "global"


def selects(clusters: PolicyClusters, labels: Labels) -> bool | None:
    """Returns whether a policy is about a cluster with these labels; None: that is not known."""
    sets = clusters.cluster_sets
    within = [LabelRequirement(_SET, "In", sets)] if sets and _GLOBAL not in sets else []
    return _all([*within, *_requirements(clusters.selector)], labels)


def matches(selector: LabelSelector, labels: Labels) -> bool | None:
    """Returns whether the selector chooses an object with these labels; None: that is not
    known."""
    return _all(_requirements(selector), labels)


def _requirements(selector: LabelSelector) -> Iterator[LabelRequirement]:
    for key, value in selector.match_labels.items():
        yield LabelRequirement(key, "In", [value])
    yield from selector.match_expressions


def _holds(requirement: LabelRequirement, labels: Labels) -> bool | None:
    """Returns whether the requirement holds; None: the label is not known, or what is required."""
    if requirement.key not in labels or (requirement.operator == "In" and not requirement.values):
        return None
    value = labels[requirement.key]
    match requirement.operator:
        case "In":
            return value in requirement.values
        case "NotIn":
            return value not in requirement.values
        case "Exists":
            return value is not None
        case "DoesNotExist":
            return value is None
    return None


def _all(requirements: Iterable[LabelRequirement], labels: Labels) -> bool | None:
    """Returns whether all requirements hold; None: that is not known. One that does not is enough
    for no, whatever else is not known."""
    found = [_holds(each, labels) for each in requirements]
    if False in found:
        return False
    return None if None in found else True

"""Label selectors, as Kubernetes understands them."""

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence

from ibgu.core.kinds import LabelRequirement, LabelSelector

_SET = ("In", "NotIn")
_KEY = ("Exists", "DoesNotExist")
_NAME = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?")
_PREFIX = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_PREFIX_LENGTH = 253


def matches(selector: LabelSelector, labels: Mapping[str, str]) -> bool:
    """All of its parts must hold; an empty selector matches everything.

    Raises ValueError for a requirement that Kubernetes would refuse.
    """
    wanted = selector.match_labels
    if any(labels.get(key) != value for key, value in wanted.items()):
        return False
    return all(
        _holds(each, each.values, labels) for each in selector.match_expressions if _checked(each)
    )


def matcher(selectors: Sequence[LabelSelector]) -> Callable[[Mapping[str, str]], bool]:
    """Does any of them match? For many clusters, and lists of thousands of values.

    What Kubernetes would refuse matches nobody.
    """
    if problem_of(selectors) is not None:
        return lambda labels: False
    prepared = [
        (
            selector.match_labels.items(),
            [(each, frozenset(each.values)) for each in selector.match_expressions],
        )
        for selector in selectors
    ]

    def any_matches(labels: Mapping[str, str]) -> bool:
        return any(
            all(labels.get(key) == value for key, value in wanted)
            and all(_holds(each, values, labels) for each, values in requirements)
            for wanted, requirements in prepared
        )

    return any_matches


def _checked(requirement: LabelRequirement) -> bool:
    if fault := _operator_fault(requirement):
        raise ValueError(fault)
    return True


def _holds(
    requirement: LabelRequirement, values: Collection[str], labels: Mapping[str, str]
) -> bool:
    there = labels.get(requirement.key)
    match requirement.operator:
        case "In":
            return there in values
        case "NotIn":
            return there not in values
        case "Exists":
            return there is not None
        case _:
            return there is None


def _operator_fault(requirement: LabelRequirement) -> str:
    operator, values = requirement.operator, requirement.values
    if operator not in (*_SET, *_KEY):
        return f'"{operator}" is not an operator: use In, NotIn, Exists or DoesNotExist'
    if operator in _SET and not values:
        return f"operator {operator} needs values, and has none"
    if operator in _KEY and values:
        return f"operator {operator} takes no values, and has some"
    return ""


def problem_of(selectors: Sequence[LabelSelector]) -> str | None:
    """What is wrong with spec.clusterLabelSelectors; None if nothing is."""
    for index, selector in enumerate(selectors):
        path = f"spec.clusterLabelSelectors[{index}]"
        for fault in selector_faults(selector):
            return f"{path}{fault}"
    return None


def selector_faults(selector: LabelSelector) -> Iterator[str]:
    """Each begins with the field's path, up to a colon."""
    for key, value in selector.match_labels.items():
        for fault in _label_faults(key, (value,)):
            yield f".matchLabels: {fault}"
    for index, requirement in enumerate(selector.match_expressions):
        path = f".matchExpressions[{index}]"
        if fault := _operator_fault(requirement):
            yield f"{path} (key {requirement.key}): {fault}"
        for fault in _label_faults(requirement.key, requirement.values):
            yield f"{path}: {fault}"


def _label_faults(key: str, values: Iterable[str]) -> Iterator[str]:
    if not _is_key(key):
        yield f'"{key}" can\'t be the key of a label'
    for value in values:
        if value and not _NAME.fullmatch(value):
            yield f'"{value}" can\'t be the value of a label (key {key})'


def _is_key(key: str) -> bool:
    prefix, slash, name = key.rpartition("/")
    prefix_fits = len(prefix) <= _PREFIX_LENGTH and _PREFIX.fullmatch(prefix)
    return bool(_NAME.fullmatch(name) and (prefix_fits or not slash))

"""Label selectors with the semantics of Kubernetes."""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from itertools import chain

from ibgu.core.model.kinds import LabelRequirement, LabelSelector
from ibgu.core.text.label_syntax import is_label_key, is_label_value

_SET = ("In", "NotIn")
_KEY = ("Exists", "DoesNotExist")
MAX_UNINDEXED = 100
"""Selectors without a label that a cluster must have: each is tried on every cluster."""


def matches(selector: LabelSelector, labels: Mapping[str, str]) -> bool:
    """Whether all requirements hold; an empty selector matches everything.

    Raises ValueError for a requirement that Kubernetes would refuse.
    """
    wanted = selector.match_labels
    if any(labels.get(key) != value for key, value in wanted.items()):
        return False
    return all(
        _holds(each, each.values, labels) for each in selector.match_expressions if _checked(each)
    )


def matcher(selectors: Sequence[LabelSelector]) -> Callable[[Mapping[str, str]], bool]:
    """Returns a function that checks labels against all selectors, of which there may be thousands.

    A selector that Kubernetes would refuse matches no cluster.
    """
    if problem_of(selectors) is not None:
        return lambda labels: False
    wanted = [(_Prepared(each), _demands(each)) for each in selectors]
    common = Counter(anchor for _, demands in wanted for demand in demands for anchor in demand)
    anchored: dict[_Anchor, list[_Prepared]] = {}
    loose: list[_Prepared] = []
    for prepared, demands in wanted:
        rarest = min(demands, key=lambda demand: sum(common[a] for a in demand), default=())
        for anchor in rarest:
            anchored.setdefault(anchor, []).append(prepared)
        if not rarest:
            loose.append(prepared)

    def any_matches(labels: Mapping[str, str]) -> bool:
        here = chain(labels.items(), ((key, None) for key in labels))
        candidates = chain.from_iterable(anchored.get(anchor, ()) for anchor in here)
        return any(each.matches(labels) for each in chain(candidates, loose))

    return any_matches


def asking_for(selectors: Sequence[LabelSelector], keys: Collection[str]) -> list[LabelSelector]:
    """Returns the selectors that match only clusters with one of these labels."""
    return [
        each
        for each in selectors
        if any(key in keys for demand in _demands(each) for key, _ in demand)
    ]


_Anchor = tuple[str, str | None]
"""A label, or (with None) a label's key: only a cluster that has it can match."""


class _Prepared:
    def __init__(self, selector: LabelSelector) -> None:
        self._wanted = selector.match_labels.items()
        self._requirements = [(each, frozenset(each.values)) for each in selector.match_expressions]

    def matches(self, labels: Mapping[str, str]) -> bool:
        return all(labels.get(key) == value for key, value in self._wanted) and all(
            _holds(each, values, labels) for each, values in self._requirements
        )


def _demands(selector: LabelSelector) -> list[tuple[_Anchor, ...]]:
    """Returns labels of which a cluster must have one; none where the selector only excludes."""
    found: list[tuple[_Anchor, ...]] = [(pair,) for pair in selector.match_labels.items()]
    for each in selector.match_expressions:
        if each.operator == "In":
            found.append(tuple((each.key, value) for value in each.values))
        elif each.operator == "Exists":
            found.append(((each.key, None),))
    return found


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
    """Returns what is wrong with spec.clusterLabelSelectors; None: nothing is."""
    for index, selector in enumerate(selectors):
        path = f"spec.clusterLabelSelectors[{index}]"
        for fault in selector_faults(selector):
            return f"{path}{fault}"
    if sum(1 for each in selectors if not _demands(each)) > MAX_UNINDEXED:
        return (
            f"spec.clusterLabelSelectors has more than {MAX_UNINDEXED} selectors that only exclude "
            "clusters; name what the clusters have, or put the exclusions into one selector"
        )
    return None


def selector_faults(selector: LabelSelector) -> Iterator[str]:
    """Yields the faults; each begins with the field's path, up to a colon."""
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
    if not is_label_key(key):
        yield f'"{key}" can\'t be the key of a label'
    for value in values:
        if not is_label_value(value):
            yield f'"{value}" can\'t be the value of a label (key {key})'

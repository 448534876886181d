"""Label selectors with the semantics of Kubernetes."""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from itertools import chain

from msgspec import json

from ibgu.core.model.kinds import LabelRequirement, LabelSelector
from ibgu.core.text.label_syntax import is_label_key, is_label_value

_SET = ("In", "NotIn")
_KEY = ("Exists", "DoesNotExist")
MAX_UNINDEXED = 100
"""Selectors without a label that a cluster must have: each is tried on every cluster."""
MAX_SHARED = 200
"""Selectors whose labels others of them ask for, too: many may be tried on one cluster."""
MAX_REQUIREMENTS = 100
"""Labels and expressions of one selector."""
MAX_TESTS = 1000
"""Labels and expressions of all selectors that may be tried on one cluster."""
_SHOWN = 300
"""Characters of a faulty name that are shown."""

_Anchor = tuple[str, str | None]
"""A label, or (with None) a label's key: only a cluster that has it can match."""
_AnchoredSelector = tuple[LabelSelector, tuple[_Anchor, ...]]


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
    of_anchors = tuple(_anchored(selectors))
    if _fault(selectors) or _too_much(of_anchors):
        return lambda labels: False
    anchored: dict[_Anchor, list[_Prepared]] = {}
    loose: list[_Prepared] = []
    for selector, anchors in of_anchors:
        prepared = _Prepared(selector)
        for anchor in anchors:
            anchored.setdefault(anchor, []).append(prepared)
        if not anchors:
            loose.append(prepared)

    def any_matches(labels: Mapping[str, str]) -> bool:
        here = chain(labels.items(), ((key, None) for key in labels))
        candidates = chain.from_iterable(anchored.get(anchor, ()) for anchor in here)
        return any(each.matches(labels) for each in chain(candidates, loose))

    return any_matches


def _anchored(
    selectors: Sequence[LabelSelector],
) -> Iterator[_AnchoredSelector]:
    """Yields each distinct selector with labels of which a cluster must have one: those that the
    fewest selectors ask for."""
    distinct = {json.encode(each): each for each in selectors}.values()
    wanted = [(each, _demands(each)) for each in distinct]
    common = Counter(anchor for _, demands in wanted for demand in demands for anchor in demand)
    for each, demands in wanted:
        yield each, min(demands, key=lambda demand: sum(common[a] for a in demand), default=())


def asking_for(selectors: Sequence[LabelSelector], keys: Collection[str]) -> list[LabelSelector]:
    """Returns the selectors that match only clusters with one of these labels."""
    return [
        each
        for each in selectors
        if any(key in keys for demand in _demands(each) for key, _ in demand)
    ]


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
        return f'"{_named(operator)}" is not an operator: use In, NotIn, Exists or DoesNotExist'
    if operator in _SET and not values:
        return f"operator {operator} needs values, and has none"
    if operator in _KEY and values:
        return f"operator {operator} takes no values, and has some"
    return ""


def problem_of(selectors: Sequence[LabelSelector]) -> str | None:
    """Returns what is wrong with spec.clusterLabelSelectors; None: nothing is."""
    fault = _fault(selectors) or _too_much(tuple(_anchored(selectors)))
    return f"spec.clusterLabelSelectors{fault}" if fault else None


def _fault(selectors: Sequence[LabelSelector]) -> str:
    for index, selector in enumerate(selectors):
        for fault in selector_faults(selector):
            return f"[{index}]{fault}"
    return ""


def _too_much(selectors: Sequence[_AnchoredSelector]) -> str:
    """Returns what makes it too costly to look for the selectors of one cluster; empty: nothing."""
    crowd = Counter(chain.from_iterable(anchors for _, anchors in selectors))
    loose = [each for each, anchors in selectors if not anchors]
    shared = [each for each, anchors in selectors if any(crowd[anchor] > 1 for anchor in anchors)]
    if len(shared) > MAX_SHARED:
        return (
            f" has more than {MAX_SHARED} selectors that ask for the "
            "same labels; put them into one selector, or name a label that only few of them ask for"
        )
    if len(loose) > MAX_UNINDEXED:
        return (
            f" has more than {MAX_UNINDEXED} selectors that only exclude "
            "clusters; name what the clusters have, or put the exclusions into one selector"
        )
    if sum(map(_size, chain(loose, shared))) > MAX_TESTS:
        return (
            f" has more than {MAX_TESTS} labels and expressions in selectors that ask for the same "
            "labels, or only exclude clusters; use fewer of them, or split the rollout"
        )
    return ""


def _size(selector: LabelSelector) -> int:
    return len(selector.match_labels) + len(selector.match_expressions)


def selector_faults(selector: LabelSelector) -> Iterator[str]:
    """Yields the faults; each begins with the field's path, up to a colon."""
    if _size(selector) > MAX_REQUIREMENTS:
        yield f": more than {MAX_REQUIREMENTS} labels and expressions"
    for key, value in selector.match_labels.items():
        for fault in _label_faults(key, (value,)):
            yield f".matchLabels: {fault}"
    for index, requirement in enumerate(selector.match_expressions):
        path = f".matchExpressions[{index}]"
        if fault := _operator_fault(requirement):
            yield f"{path} (key {_named(requirement.key)}): {fault}"
        for fault in _label_faults(requirement.key, requirement.values):
            yield f"{path}: {fault}"


def _label_faults(key: str, values: Iterable[str]) -> Iterator[str]:
    if not is_label_key(key):
        yield f'"{_named(key)}" can\'t be the key of a label'
    for value in values:
        if not is_label_value(value):
            yield (f'"{_named(value)}" can\'t be the value of a label (key {_named(key)})')


def _named(text: str) -> str:
    """Returns the text for a message: a tenant may have written anything, of any length."""
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"

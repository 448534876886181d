from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ibgu.core.model.kinds import LabelRequirement, LabelSelector
from ibgu.core.plan import matcher, matches, problem_of
from ibgu.core.plan.selectors import (
    MAX_REQUIREMENTS,
    MAX_SHARED,
    MAX_TESTS,
    MAX_UNINDEXED,
    _Prepared,
)


def requires(key: str, operator: str, *values: str) -> LabelSelector:
    return LabelSelector(match_expressions=[LabelRequirement(key, operator, list(values))])


LABELS = {"site": "a", "zone": ""}


@pytest.mark.parametrize(
    ("selector", "expected"),
    [
        (LabelSelector(), True),
        (LabelSelector(match_labels={"site": "a"}), True),
        (LabelSelector(match_labels={"site": "a", "zone": ""}), True),
        (LabelSelector(match_labels={"site": "b"}), False),
        (LabelSelector(match_labels={"ring": ""}), False),
        (requires("site", "In", "b", "a"), True),
        (requires("site", "In", "b"), False),
        (requires("ring", "In", "a"), False),
        (requires("site", "NotIn", "a"), False),
        (requires("site", "NotIn", "b"), True),
        (requires("ring", "NotIn", "a"), True),
        (requires("zone", "Exists"), True),
        (requires("ring", "Exists"), False),
        (requires("zone", "DoesNotExist"), False),
        (requires("ring", "DoesNotExist"), True),
        (
            LabelSelector({"site": "a"}, [LabelRequirement("zone", "DoesNotExist")]),
            False,
        ),
    ],
)
def test_selectors_match_as_in_kubernetes(selector: LabelSelector, expected: bool) -> None:
    assert matcher([requires("no", "Exists"), selector])(LABELS) is expected
    assert matches(selector, LABELS) is expected


FAULTS = [
    (
        requires("site", "in", "a"),
        '"in" is not an operator: use In, NotIn, Exists or DoesNotExist',
    ),
    (requires("site", "In"), "operator In needs values, and has none"),
    (requires("site", "NotIn"), "operator NotIn needs values, and has none"),
    (requires("site", "Exists", "a"), "operator Exists takes no values, and has some"),
]


@pytest.mark.parametrize(("selector", "text"), FAULTS)
def test_selectors_that_kubernetes_refuses_are_refused(selector: LabelSelector, text: str) -> None:
    with pytest.raises(ValueError, match=text):
        matches(selector, LABELS)
    path = "spec.clusterLabelSelectors[1].matchExpressions[0] (key site): "
    assert problem_of([LabelSelector(), selector]) == path + text


@pytest.mark.parametrize(
    ("selector", "text"),
    [
        (
            LabelSelector(match_labels={"site a": "b"}),
            'spec.clusterLabelSelectors[0].matchLabels: "site a" can\'t be the key of a label',
        ),
        (
            LabelSelector(match_labels={"site": "-b"}),
            'spec.clusterLabelSelectors[0].matchLabels: "-b" can\'t be the value of a label '
            "(key site)",
        ),
        (
            requires("Upper.example/x", "Exists"),
            'spec.clusterLabelSelectors[0].matchExpressions[0]: "Upper.example/x" can\'t be '
            "the key of a label",
        ),
        (
            requires("site", "In", "a" * 64),
            f'spec.clusterLabelSelectors[0].matchExpressions[0]: "{"a" * 64}" can\'t be the '
            "value of a label (key site)",
        ),
        (
            requires("/x", "Exists"),
            'spec.clusterLabelSelectors[0].matchExpressions[0]: "/x" can\'t be the key of a label',
        ),
        (
            requires("", "Exists"),
            'spec.clusterLabelSelectors[0].matchExpressions[0]: "" can\'t be the key of a label',
        ),
        (
            requires(f"{'a' * 254}/x", "Exists"),
            f'spec.clusterLabelSelectors[0].matchExpressions[0]: "{"a" * 254}/x" can\'t be the '
            "key of a label",
        ),
    ],
)
def test_labels_that_can_not_be(selector: LabelSelector, text: str) -> None:
    assert problem_of([selector]) == text


def test_good_selectors_have_no_problem() -> None:
    good = LabelSelector({"lcm.openshift.io/ibgu-prep-completed": "", "name": "site-1"})
    assert problem_of([]) is None
    assert problem_of([good, requires("A_b.c", "NotIn", "x.Y_z", "")]) is None


KEYS = st.sampled_from(["a", "b", "c"])
VALUES = st.sampled_from(["", "1", "2"])
REQUIREMENTS = st.builds(
    LabelRequirement,
    KEYS,
    st.sampled_from(["In", "NotIn"]),
    st.lists(VALUES, min_size=1, max_size=3),
) | st.builds(LabelRequirement, KEYS, st.sampled_from(["Exists", "DoesNotExist"]))


def holds(requirement: LabelRequirement, labels: dict[str, str]) -> bool:
    """Judges as the Kubernetes documentation puts it, one operator at a time."""
    exists = requirement.key in labels
    inside = exists and labels[requirement.key] in requirement.values
    return {
        "In": exists and inside,
        "NotIn": not exists or not inside,
        "Exists": exists,
        "DoesNotExist": not exists,
    }[requirement.operator]


@given(
    labels=st.dictionaries(KEYS, VALUES),
    wanted=st.dictionaries(KEYS, VALUES, max_size=2),
    requirements=st.lists(REQUIREMENTS, max_size=3),
)
def test_agrees_with_a_naive_model(
    labels: dict[str, str], wanted: dict[str, str], requirements: list[LabelRequirement]
) -> None:
    naive = wanted.items() <= labels.items() and all(holds(r, labels) for r in requirements)
    assert matches(LabelSelector(wanted, requirements), labels) == naive


@given(labels=st.dictionaries(KEYS, VALUES))
def test_an_empty_selector_matches_everything(labels: dict[str, str]) -> None:
    assert matches(LabelSelector(), labels)


def test_an_invalid_selector_among_others_matches_no_cluster() -> None:
    assert not matcher([LabelSelector(), requires("site", "Like", "a")])(LABELS)
    assert not matcher([])(LABELS)


def test_long_lists_are_checked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Repeated for each cluster it took a second of a server's time."""
    values = [f"site-{n}" for n in range(5000)]
    chooses = matcher([requires("site", "In", *values)])
    monkeypatch.setattr("ibgu.core.plan.selectors.problem_of", None)
    assert [chooses({"site": name}) for name in ("site-4999", "other")] == [True, False]


_KEYS, _VALUES = st.sampled_from("abc"), st.sampled_from("xyz")
_REQUIREMENTS = st.one_of(
    st.builds(
        LabelRequirement, _KEYS, st.sampled_from(["In", "NotIn"]), st.lists(_VALUES, min_size=1)
    ),
    st.builds(LabelRequirement, _KEYS, st.sampled_from(["Exists", "DoesNotExist"])),
)
_LABELS = st.dictionaries(_KEYS, _VALUES)
_SELECTORS = st.builds(LabelSelector, _LABELS, st.lists(_REQUIREMENTS, max_size=2))


@given(st.lists(_SELECTORS, max_size=6), _LABELS)
def test_many_at_once_match_as_each_by_itself(
    selectors: list[LabelSelector], labels: dict[str, str]
) -> None:
    assert matcher(selectors)(labels) is any(matches(each, labels) for each in selectors)


def test_a_cluster_is_compared_with_few_of_thousands_of_selectors(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A tenant's IBGU may have 25,000 of them, and the fleet thousands of clusters: comparing each
    with each took minutes, in which nothing else was done."""
    compared = 0
    alone = _Prepared.matches

    def counted(self: _Prepared, labels: Mapping[str, str]) -> bool:
        nonlocal compared
        compared += 1
        return alone(self, labels)

    monkeypatch.setattr(_Prepared, "matches", counted)
    common = {"region": "north", "tier": "edge"}
    chooses = matcher(
        [LabelSelector({**common, f"k-{number}": "v"}) for number in range(5_000)]
        + [
            LabelSelector({}, [LabelRequirement("site", "In", [f"s-{number}"])])
            for number in range(5_000)
        ]
        + [
            LabelSelector({}, [LabelRequirement(f"e-{number}", "Exists")])
            for number in range(5_000)
        ]
    )
    clusters = [{**common, "site": f"other-{number}"} for number in range(1_000)]
    assert not any(map(chooses, clusters))
    assert compared == 0
    assert chooses({**common, "e-7": ""})
    assert compared == 1


def test_exclusions_are_put_into_one_selector() -> None:
    few = [requires(f"k-{number}", "DoesNotExist") for number in range(MAX_UNINDEXED)]
    assert problem_of(few) is None
    problem = problem_of([*few, LabelSelector()])
    assert problem is not None
    assert "more than 100 selectors that only exclude" in problem


def test_a_label_that_every_cluster_has_is_no_way_to_be_compared_with_thousands() -> None:
    """Each of them would be tried on each cluster of the fleet."""
    crowd = [
        LabelSelector({"vendor": "OpenShift"}, [LabelRequirement(f"k-{number}", "DoesNotExist")])
        for number in range(MAX_SHARED + 1)
    ]
    assert problem_of(crowd[1:]) is None
    problem = problem_of(crowd)
    assert problem is not None
    assert "more than 200 selectors that ask for the same labels" in problem
    assert problem_of(crowd[:1] * 5_000) is None, "the same selector again costs nothing"


def test_crowded_selectors_share_a_number_of_requirements() -> None:
    """A tenant lets all but the last one hold on each cluster."""
    each = [LabelRequirement(f"k-{number}", "DoesNotExist") for number in range(MAX_REQUIREMENTS)]
    few = MAX_TESTS // MAX_REQUIREMENTS

    def crowd(number: int) -> list[LabelSelector]:
        last = [[LabelRequirement(f"last-{at}", "DoesNotExist")] for at in range(number)]
        return [LabelSelector({}, each[1:] + one) for one in last]

    assert problem_of(crowd(few)) is None
    problem = problem_of(crowd(few + 1))
    assert problem is not None
    assert "more than 1000 labels and expressions in selectors" in problem
    assert not matcher(crowd(few + 1))({})


def test_a_selector_has_only_so_many_requirements() -> None:
    known = [LabelRequirement("name", "Exists")] * (MAX_REQUIREMENTS - 1)
    assert problem_of([LabelSelector({"a": "b"}, known)]) is None
    problem = problem_of([LabelSelector({"a": "b", "c": "d"}, known)])
    assert problem == "spec.clusterLabelSelectors[0]: more than 100 labels and expressions"


def test_a_long_operator_is_cut_in_the_message() -> None:
    problem = problem_of([requires("a", "X" * 1_000_000)])
    assert problem is not None
    assert len(problem) < 1_000

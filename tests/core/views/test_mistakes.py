"""Annotations with a mistake, which do nothing."""

import pytest

from ibgu.core.engine.decide.rollout.unknown_annotations import KNOWN
from ibgu.core.views.mistakes import mistakes


@pytest.mark.parametrize(
    "annotations",
    [
        {},
        {
            "team": "ran",
            "lca.openshift.io/anything": "x",
            "my.ibgu.dev/circuit-breaker": "sometimes",
        },
        {"ibgu.dev/circuit-breaker": "off", "ibgu.dev/preflight": "Enforce"},
        {"ibgu.dev/pause": "", "ibgu.dev/resume": "2", "ibgu.dev/skip": "site-1,waiting"},
        {"ibgu.dev/ramp-up": "true", "ibgu.dev/starts-per-minute": "10"},
        {"ibgu.dev/seed-image": "du-r750"},
    ],
)
def test_valid_annotations_have_no_mistakes(annotations: dict[str, str]) -> None:
    assert mistakes(annotations) == []


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        (
            "ibgu.dev/circuit-breaker",
            "sometimes",
            'ibgu.dev/circuit-breaker is "sometimes"; expected: off',
        ),
        ("ibgu.dev/circuit-breaker", "", 'ibgu.dev/circuit-breaker is ""; expected: off'),
        (
            "ibgu.dev/preflight",
            "strict",
            'ibgu.dev/preflight is "strict"; expected: off or warn or enforce',
        ),
        ("ibgu.dev/rampup", "true", "ibgu.dev/rampup does nothing; do you mean ibgu.dev/ramp-up?"),
        ("ibgu.dev/Pause", "", "ibgu.dev/Pause does nothing; do you mean ibgu.dev/pause?"),
        ("ibgu.dev/xyz", "1", "ibgu.dev/xyz does nothing: ibgu has no annotation of that name"),
        (
            "ibgu.dev/manual-cleanup-done",
            " ",
            "ibgu.dev/manual-cleanup-done needs a value: say who has cleaned up",
        ),
        (
            "ibgu.dev/skip",
            "waiting,site-3",
            "ibgu.dev/skip: nothing skipped: waiting takes all waiting clusters, and beside it "
            'stands "site-3"; give names without waiting',
        ),
        ("ibgu.dev/start-jitter", "soon", 'ibgu.dev/start-jitter is "soon"; expected: seconds'),
    ],
)
def test_invalid_annotations_are_named_with_the_expected_value(
    key: str, value: str, words: str
) -> None:
    [told] = mistakes({key: value, "ibgu.dev/resume": "1"})
    assert words in told


def test_a_long_value_is_cut() -> None:
    [told] = mistakes({"ibgu.dev/circuit-breaker": "x" * 10_000})
    assert len(told) < 120


def test_all_mistakes_are_listed_in_order() -> None:
    wrong = {"ibgu.dev/b": "", "ibgu.dev/a": "", "ibgu.dev/circuit-breaker": "on"}
    told = mistakes(wrong)
    assert ["/a" in told[0], "/b" in told[1], "circuit-breaker" in told[2]] == [True] * 3


@pytest.mark.parametrize("key", KNOWN)
def test_every_one_that_ibgu_knows_is_known(key: str) -> None:
    assert not any("does nothing" in words for words in mistakes({key: "?"}))


def test_only_the_first_unknown_annotations_are_named() -> None:
    """Thousands fit on an object, and to look for the one that is meant takes time for each."""
    found = mistakes({f"ibgu.dev/resum{number}": "" for number in range(5_000)})
    assert found[0] == "the annotation ibgu.dev/resum0 does nothing; do you mean ibgu.dev/resume?"
    assert found[10:] == ["4990 more annotations with the prefix ibgu.dev/ do nothing"]

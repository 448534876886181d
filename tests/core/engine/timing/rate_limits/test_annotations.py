"""Rate limit annotations are read strictly."""

from datetime import timedelta

import pytest

from ibgu.core.engine.timing.rate_limits import UNLIMITED, rate_limits_of
from ibgu.core.engine.timing.rate_limits.annotations import EXPECTED, MAX_JITTER
from ibgu.core.model.names import RAMP_UP, RATE_LIMIT_ANNOTATIONS, START_JITTER, STARTS_PER_MINUTE


def test_without_annotations_nothing_is_rate_limited() -> None:
    assert rate_limits_of({}) == UNLIMITED
    assert rate_limits_of({"ibgu.dev/pause": "x"}).none
    assert set(EXPECTED) == set(RATE_LIMIT_ANNOTATIONS)


@pytest.mark.parametrize(
    ("value", "rate"), [("1", 1), (" 10 ", 10), ("007", 7), ("999999", 999999)]
)
def test_a_rate_is_a_whole_number(value: str, rate: int) -> None:
    assert rate_limits_of({STARTS_PER_MINUTE: value}).starts_per_minute == rate


@pytest.mark.parametrize(
    "value", ["", "0", "-1", "1.5", "ten", "1e3", "10/min", "1000000", "\u0661\u0660", "1 0"]
)
def test_another_rate_is_a_problem_that_is_named(value: str) -> None:
    assert rate_limits_of({STARTS_PER_MINUTE: value}).problem == (
        f'the annotation ibgu.dev/starts-per-minute is "{value}"; '
        "expected: a whole number from 1 on, as 10"
    )


@pytest.mark.parametrize(
    ("value", "seconds"),
    [("0", 0), ("30", 30), ("30s", 30), ("2m", 120), ("1m30s", 90), ("1h", 3600), ("1m5", 65)],
)
def test_a_jitter_is_seconds_or_a_time(value: str, seconds: int) -> None:
    assert rate_limits_of({START_JITTER: value}).jitter == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    "value", ["", " ", "-1", "1.5", "soon", "30 s", "1s1m", "61m", "3601", "\u0663"]
)
def test_another_jitter_is_a_problem(value: str) -> None:
    assert "expected: seconds, or a time like 30s" in rate_limits_of({START_JITTER: value}).problem
    assert timedelta(hours=1) == MAX_JITTER


@pytest.mark.parametrize(("value", "ramps"), [("true", True), ("True ", True), ("false", False)])
def test_a_ramp_up_is_true_or_false(value: str, ramps: bool) -> None:
    rate_limits = rate_limits_of({RAMP_UP: value})
    assert (rate_limits.ramp_up, rate_limits.problem) == (ramps, "")


def test_all_invalid_annotations_are_named_and_valid_ones_apply() -> None:
    rate_limits = rate_limits_of({RAMP_UP: "yes", START_JITTER: "x" * 99, STARTS_PER_MINUTE: "5"})
    assert rate_limits.starts_per_minute == 5
    assert rate_limits.problem == (
        f'the annotation ibgu.dev/start-jitter is "{"x" * 40}"; '
        "expected: seconds, or a time like 30s or 1m30s, of at most an hour; "
        'the annotation ibgu.dev/ramp-up is "yes"; expected: true or false'
    )


def test_a_wrong_value_is_shown_without_what_a_terminal_obeys() -> None:
    """The value goes into the status, and from there to terminals."""
    problem = rate_limits_of({RAMP_UP: "\u202e\a\x1b[31mtrue"}).problem
    assert problem.isprintable()

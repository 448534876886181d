"""The ages at which a run may end, and how likely it is that it has."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ibgu.core.drivers import traits
from ibgu.core.drivers.ibu.actions import Action
from ibgu.core.engine.refresh import chance, range_of
from ibgu.core.engine.timing.durations import DurationsByAction, DurationStats
from ibgu.core.model.actions import AgeRange

WITHIN = AgeRange(100.0, 200.0)


def test_every_action_has_a_range_before_it_was_measured() -> None:
    for action in Action:
        found = range_of(action, {})
        assert found == traits(action).usual
        assert 0 < found.low < found.high


def test_once_measured_it_is_from_the_tenth_to_the_95th_of_a_hundred() -> None:
    spread = tuple(float(n) for n in range(105, 205, 10))
    duration_stats: DurationsByAction = {
        Action.PREP: DurationStats(count=10, p50=150.0, p95=195.0, spread=spread)
    }

    assert range_of(Action.PREP, duration_stats) == AgeRange(110.0, 195.0)
    assert range_of(Action.UPGRADE, duration_stats) == traits(Action.UPGRADE).usual


@pytest.mark.parametrize(
    ("read", "age", "expected"),
    [
        (0, 50, 0.0),  # too early
        (0, 100, 0.0),
        (0, 125, 0.25),
        (0, 150, 0.5),
        (100, 150, 0.5),
        (125, 150, 1 / 3),  # of those that were going on then
        (175, 200, 1.0),
        (175, 999, 1.0),
        (200, 999, 0.0),  # beyond: nobody knows
        (500, 999, 0.0),
    ],
)
def test_the_chance_of_an_end_grows_since_the_last_read(
    read: float, age: float, expected: float
) -> None:
    assert chance(WITHIN, read, age) == pytest.approx(expected)


def test_runs_of_equal_duration_have_ended_after_it() -> None:
    alike = AgeRange(100.0, 100.0)

    assert [chance(alike, 0, age) for age in (99, 100, 101)] == [0.0, 0.0, 1.0]


ages = st.floats(0, 1000, allow_nan=False)


@given(ages, ages, ages)
def test_the_longer_nobody_looked_the_likelier(a: float, b: float, c: float) -> None:
    first, second, third = sorted((a, b, c))

    assert 0.0 <= chance(WITHIN, first, second) <= chance(WITHIN, first, third) <= 1.0

"""The fleet-wide budget of refreshes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ibgu.core.engine.refresh import Budget


@pytest.mark.parametrize(
    ("rate", "asked", "granted"),
    [
        (10.0, [(0.0, 25), (0.0, 25), (0.5, 25), (2.0, 3), (2.0, 25)], [10, 0, 5, 3, 7]),
        (0.1, [(0.0, 2), (9.0, 2), (10.0, 2), (100.0, 2)], [1, 0, 1, 1]),
        (10.0, [(0.0, 0), (100.0, 8), (99.0, 8), (99.5, 8)], [0, 8, 2, 5]),
    ],
    ids=["a second's worth at once", "less than one a second", "a clock that goes back"],
)
def test_the_budget_grants_refreshes_at_its_rate(
    rate: float, asked: list[tuple[float, int]], granted: list[int]
) -> None:
    budget = Budget(rate)

    assert [budget.take(now, wanted) for now, wanted in asked] == granted


@given(
    st.floats(0.01, 50, allow_nan=False),
    st.lists(st.tuples(st.floats(0, 10, allow_nan=False), st.integers(0, 100))),
)
def test_never_more_than_the_rate(rate: float, asked: list[tuple[float, int]]) -> None:
    budget, now, total = Budget(rate), 0.0, 0
    for pause, wanted in asked:
        now += pause
        granted = budget.take(now, wanted)
        total += granted
        assert 0 <= granted <= wanted
        assert total <= max(1.0, rate) + now * rate + 1e-6

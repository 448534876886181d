"""Nobody has so much under way that others, or the process, suffer."""

import pytest

from ibgu.api.concurrency import ConcurrencyLimit
from ibgu.api.problems import Problem


@pytest.fixture
def limit() -> ConcurrencyLimit:
    return ConcurrencyLimit("streams", 3, 2, retry_seconds=30.0)


def test_each_has_some_and_all_together(limit: ConcurrencyLimit) -> None:
    with limit.held("alice"), limit.held("alice"):
        with pytest.raises(Problem, match="alice has 2 streams") as mine:
            limit.held("alice").__enter__()
        with limit.held("bob"), pytest.raises(Problem, match="has 3 streams already") as ours:
            limit.held("carol").__enter__()
        with limit.held("carol"):
            pass
    assert (mine.value.status, mine.value.headers) == (429, {"Retry-After": "30"})
    assert (ours.value.status, ours.value.code) == (503, "too-many-streams")


def test_a_place_is_given_back_whatever_happens(limit: ConcurrencyLimit) -> None:
    for _ in range(5):
        with pytest.raises(RuntimeError), limit.held("alice"):
            raise RuntimeError
    assert limit._taken == {}

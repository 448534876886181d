"""Nobody has so much under way that others, or the process, suffer."""

import pytest

from ibgu.api.places import Places
from ibgu.api.problems import Problem


@pytest.fixture
def places() -> Places:
    return Places("streams", 3, 2, retry_seconds=30.0)


def test_each_has_some_and_all_together(places: Places) -> None:
    with places.one("alice"), places.one("alice"):
        with pytest.raises(Problem, match="alice has 2 streams") as mine:
            places.one("alice").__enter__()
        with places.one("bob"), pytest.raises(Problem, match="has 3 streams already") as ours:
            places.one("carol").__enter__()
        with places.one("carol"):
            pass
    assert (mine.value.status, mine.value.headers) == (429, {"Retry-After": "30"})
    assert (ours.value.status, ours.value.code) == (503, "too-many-streams")


def test_a_place_is_given_back_whatever_happens(places: Places) -> None:
    for _ in range(5):
        with pytest.raises(RuntimeError), places.one("alice"):
            raise RuntimeError
    assert places._taken == {}

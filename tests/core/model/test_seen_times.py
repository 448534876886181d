"""Times of conditions of clusters whose clocks are behind."""

from datetime import datetime, timedelta

import pytest
from msgspec.structs import replace

from ibgu.core.model import ClusterConditionView, ClusterView
from ibgu.core.model.shown import with_seen_times
from tests.core.engine.state.records import NOW

HOUR = timedelta(hours=1)
SITE = ClusterView(
    name="site-1", uid="u", accepted=True, deleting=False, reachable=True, local=False
)
POWER = "example.com/Power"


def available(since: datetime | None, **changes: object) -> ClusterView:
    return replace(SITE, available_since=since, reachable=since is not None, **changes)


def power(status: str, since: datetime | None) -> ClusterView:
    return replace(SITE, conditions=(ClusterConditionView(POWER, status, since),))


@pytest.mark.parametrize(
    ("before", "reported", "found"),
    [
        (None, NOW - HOUR, NOW),
        (None, NOW + HOUR, NOW + HOUR),
        (NOW - 2 * HOUR, NOW - HOUR, NOW - HOUR),
        (NOW - HOUR, NOW - 2 * HOUR, NOW - HOUR),
    ],
    ids=["behind", "ahead", "again without a change", "the clock went back"],
)
def test_a_cluster_is_available_since_that_was_seen(
    before: datetime | None, reported: datetime, found: datetime
) -> None:
    seen = with_seen_times(available(before), available(reported), NOW)
    assert seen.available_since == found


def test_a_cluster_that_is_not_available_has_no_time() -> None:
    gone = with_seen_times(available(NOW), available(None), NOW)
    assert gone.available_since is None


def test_another_cluster_of_the_name_has_its_own_times() -> None:
    other = available(NOW - HOUR, uid="v")
    assert with_seen_times(available(None), other, NOW) is other


@pytest.mark.parametrize(
    ("before", "after", "found"),
    [
        (power("Unknown", NOW), power("True", NOW - HOUR), NOW),
        (SITE, power("True", NOW - HOUR), NOW),
        (power("True", NOW - 2 * HOUR), power("True", NOW - HOUR), NOW - HOUR),
        (power("True", NOW - HOUR), power("True", NOW - 2 * HOUR), NOW - HOUR),
        (power("True", None), power("True", NOW - HOUR), NOW - HOUR),
        (power("False", NOW), power("True", None), None),
    ],
    ids=["another status", "new", "later", "earlier", "not known before", "not known"],
)
def test_a_status_is_there_since_it_was_seen(
    before: ClusterView, after: ClusterView, found: datetime | None
) -> None:
    (condition,) = with_seen_times(before, after, NOW).conditions
    assert condition.since == found


def test_a_view_without_a_change_is_the_same_one() -> None:
    view = power("True", NOW)
    assert with_seen_times(view, view, NOW + HOUR) is view

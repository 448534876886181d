"""Starts that count for limits on starts per minute."""

from datetime import UTC, datetime, timedelta

from ibgu.core.engine.state import Starts

NOW = datetime(2026, 1, 1, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def starts(*seconds: int) -> Starts:
    """Starts of rollout a, so many seconds before NOW."""
    found = Starts()
    found.load(("a", NOW - second * SECOND) for second in seconds)
    return found


def test_a_minute_counts() -> None:
    found = starts(61, 60, 59, 1, 0)
    assert found.recent(NOW) == [NOW - 59 * SECOND, NOW - SECOND, NOW]
    assert found.recent(NOW, "a") == found.recent(NOW)
    assert found.recent(NOW, "b") == []
    assert (found.last("a"), found.last("b")) == (NOW, None)


def test_a_start_is_taken_back() -> None:
    found = starts(5)
    undo = [found.add("a", NOW), found.add("b", NOW), found.add("a", NOW - 9 * SECOND)]
    assert len(found.recent(NOW)) == 4
    assert found.last("a") == NOW
    for each in reversed(undo):
        each()
    assert found.recent(NOW) == found.recent(NOW, "a") == [NOW - 5 * SECOND]
    assert (found.last("a"), found.last("b")) == (NOW - 5 * SECOND, None)


def test_outdated_starts_are_dropped_and_the_last_one_is_kept() -> None:
    found = starts(90)
    found.add("b", NOW - SECOND)
    found.drop_outdated(NOW)
    assert found.recent(NOW - timedelta(hours=1)) == [NOW - SECOND]
    assert found.last("a") == NOW - 90 * SECOND


def test_starts_in_the_future_count_as_now() -> None:
    found = starts(-3600)
    found.drop_outdated(NOW)
    assert found.recent(NOW, "a") == [NOW]


def test_a_forgotten_rollouts_starts_still_count_for_the_hub() -> None:
    found = starts(5)
    found.forget("a")
    found.forget("never seen")
    assert found.recent(NOW, "a") == []
    assert found.last("a") is None
    assert len(found.recent(NOW)) == 1

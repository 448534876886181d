"""The course of a step."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from ibgu.core.views.forecast import IntervalCounts, Point, curve
from tests.core.engine.state.records import NOW

MINUTE = timedelta(minutes=1)


def test_points_add_up() -> None:
    changes = [
        IntervalCounts(0, started=3),
        IntervalCounts(2, started=1, ended=2, succeeded=1, failed=1),
        IntervalCounts(2, ended=1, succeeded=1, failed=1),
    ]
    assert curve(NOW, MINUTE, 3, changes) == [
        Point(NOW, 0, 0, 0),
        Point(NOW + MINUTE, 0, 0, 3),
        Point(NOW + 2 * MINUTE, 0, 0, 3),
        Point(NOW + 3 * MINUTE, 2, 2, 1),
    ]


_CHANGES = st.builds(
    IntervalCounts,
    st.integers(0, 9),
    *(st.integers(0, 50) for _ in ("started", "ended", "ok", "failed")),
)


@given(st.lists(_CHANGES))
def test_the_last_point_is_the_sum(changes: list[IntervalCounts]) -> None:
    points = curve(NOW, MINUTE, 10, changes)
    assert len(points) == 11
    assert points[-1] == Point(
        NOW + 10 * MINUTE,
        sum(change.succeeded for change in changes),
        sum(change.failed for change in changes),
        sum(change.started - change.ended for change in changes),
    )
    done = [point.succeeded + point.failed for point in points]
    assert done == sorted(done)

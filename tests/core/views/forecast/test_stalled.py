"""Actions that take longer than usual: by a margin, and without turning back."""

from datetime import datetime, timedelta
from itertools import pairwise

import pytest

from ibgu.core.drivers.ibu.actions import Action
from ibgu.core.engine.timing.durations import DurationsByAction, DurationStats, steadied
from ibgu.core.views.forecast import Stalled, stalled
from tests.core.engine.state.records import NOW

MEASURED: dict[str, DurationStats] = {Action.PREP: DurationStats(40, 420.0, 720.0, (420.0,))}
BEGAN = NOW - timedelta(seconds=901)


def prep(
    p95: float, prepared: float | None = None, taken: float | None = None
) -> dict[str, DurationStats]:
    return {Action.PREP: DurationStats(40, p95 / 2, p95, (p95 / 2,), prepared, taken)}


def test_longer_than_usual_by_a_quarter() -> None:
    assert stalled(Action.PREP, BEGAN, NOW, MEASURED) == Stalled(NOW - timedelta(seconds=1), 720.0)


@pytest.mark.parametrize(
    ("action", "began"),
    [
        (Action.PREP, NOW - timedelta(seconds=900)),
        (Action.PREP, None),
        (Action.UPGRADE, BEGAN),
        (None, BEGAN),
    ],
)
def test_no_stall_without_a_longer_measured_run(
    action: Action | None, began: datetime | None
) -> None:
    assert stalled(action, began, NOW, MEASURED) is None


def test_nothing_stalls_within_seconds() -> None:
    """One that had taken 10 seconds was called stalled, beside a p95 of 9."""
    for seconds, found in ((10, False), (30, False), (31, True)):
        began = NOW - timedelta(seconds=seconds)
        assert (stalled(Action.PREP, began, NOW, prep(9.0)) is not None) is found


def test_a_cluster_near_p95_is_not_stalled_on_and_off() -> None:
    """Each cluster that ends moves p95, up and down."""
    known: DurationsByAction = {}
    shown = []
    for second in range(600, 1300):
        measured = prep(720.0 + 60.0 * (second % 3 - 1))
        known = steadied(known, measured)
        began = NOW - timedelta(seconds=second)
        shown.append(stalled(Action.PREP, began, NOW, known) is not None)
    assert (shown[0], shown[-1]) == (False, True)
    assert sum(one is not other for one, other in pairwise(shown)) == 1


def test_limits_follow_what_has_really_changed() -> None:
    known = steadied({}, prep(100.0, prepared=40.0))
    assert known[Action.PREP].limits.ended == 125.0
    known = steadied(known, prep(119.0, prepared=80.0, taken=40.0))
    limits = known[Action.PREP].limits
    assert (limits.ended, limits.prepared, limits.taken) == (125.0, 100.0, 50.0)
    assert known[Action.PREP].p95 == 119.0
    known = steadied(known, prep(121.0))
    limits = known[Action.PREP].limits
    assert (limits.ended, limits.prepared, limits.taken) == (151.25, None, None)
    assert steadied(known, prep(130.0))[Action.PREP].limits.ended == 151.25
    assert steadied(known, {}) == {}

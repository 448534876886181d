"""The forecast of a step's end."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ibgu.core.drivers.ibu.actions import Action
from ibgu.core.engine.timing.durations import DurationStats
from ibgu.core.views.forecast import Eta, RemainingActions, RemainingWork, eta, makespan
from tests.core.engine.state.records import NOW

SPREAD = tuple(float(part) for part in range(55, 155, 10))
"""55 to 145 seconds, 100 on average."""
RATE_LIMITS: dict[str, DurationStats] = {
    Action.PREP: DurationStats(40, 100.0, 150.0, SPREAD),
    Action.UPGRADE: DurationStats(40, 1000.0, 1500.0, tuple(10 * each for each in SPREAD)),
}
BOTH = (Action.PREP, Action.UPGRADE)


def rest(**changes: Any) -> RemainingWork:
    fields: dict[str, Any] = {
        "actions": (Action.PREP,),
        "slots": 2,
        "waiting": 0,
        "blocked": 0,
        "in_flight": [],
        "deadline": NOW + timedelta(days=1),
    }
    return RemainingWork(**(fields | changes))


def seconds(found: Eta | None) -> tuple[float, float, float]:
    assert found is not None
    at, earliest, latest = (
        (each - NOW).total_seconds() for each in (found.at, found.earliest, found.latest)
    )
    return earliest, at, latest


def test_waves_of_who_waits() -> None:
    """Two slots, forty Preps of 100 seconds on average: 2,000 seconds and the last one's rest."""
    found = eta(rest(waiting=40), NOW, RATE_LIMITS)
    earliest, at, latest = seconds(found)
    assert (earliest, latest) == (2000.0, 3000.0)
    assert 2000 <= at <= 2080
    assert found
    assert found.basis == (
        "Prep measured 40 times here: half took 1 min 40 s, 95 of 100 at most 2 min 30 s"
    )


def test_a_run_in_flight_needs_its_remaining_time() -> None:
    running = RemainingActions((Action.PREP, Action.UPGRADE), 30.0)
    assert seconds(eta(rest(actions=BOTH, in_flight=[running]), NOW, RATE_LIMITS)) == (
        25.0 + 550.0,
        25.0 + 550.0,
        120.0 + 1500.0,
    )


def test_a_run_longer_than_the_median_is_estimated_by_longer_runs() -> None:
    """Half of those that took more than 100 seconds took more than 125; nobody more than 145."""
    longer = RemainingActions((Action.PREP,), 100.0)
    assert seconds(eta(rest(in_flight=[longer]), NOW, RATE_LIMITS)) == (0.0, 25.0, 50.0)


def test_nobody_knows_the_end_of_who_took_longer_than_all() -> None:
    """That member may take all the time that the step has; what is shown is of the other one."""
    longest = RemainingActions((Action.PREP,), 200.0)
    found = eta(rest(in_flight=[longest, RemainingActions((Action.PREP,), 90.0)]), NOW, RATE_LIMITS)
    assert seconds(found) == (10.0, 35.0, 86400.0)
    assert found
    assert (found.stuck, found.limit) == (1, NOW + timedelta(days=1))
    assert found.basis.endswith("; 1 in flight for longer than usual, so their end is unknown")


@pytest.mark.parametrize("duration_stats", [RATE_LIMITS, {}], ids=["measured", "not measured"])
def test_when_only_stuck_ones_are_left_the_limit_ends_them(duration_stats: Any) -> None:
    """They were said to be over "in a moment", for minutes."""
    left = [RemainingActions((Action.PREP,), 188.0, overdue=not duration_stats) for _ in range(7)]
    found = eta(rest(in_flight=left), NOW, duration_stats)
    assert seconds(found) == (86400.0, 86400.0, 86400.0)
    assert found
    assert (found.stuck, found.at) == (7, found.limit)
    assert (
        eta(rest(in_flight=left, deadline=NOW - timedelta(minutes=1)), NOW, duration_stats)
        is not None
    )


def test_members_waiting_behind_stuck_ones_use_the_other_slots() -> None:
    left = [RemainingActions((Action.PREP,), 500.0)]
    assert seconds(eta(rest(waiting=2, in_flight=left), NOW, RATE_LIMITS))[0] == 180.0
    assert eta(rest(blocked=1, in_flight=left), NOW, RATE_LIMITS) is None


def test_nothing_lasts_longer_than_the_step() -> None:
    deadline = NOW + timedelta(seconds=500)
    assert seconds(eta(rest(waiting=40, deadline=deadline), NOW, RATE_LIMITS)) == (500.0,) * 3
    over = NOW - timedelta(seconds=1)
    assert seconds(eta(rest(waiting=40, deadline=over), NOW, RATE_LIMITS)) == (0.0,) * 3


def test_members_waiting_for_other_reasons_may_take_until_the_limit() -> None:
    found = eta(rest(waiting=2, blocked=3), NOW, RATE_LIMITS)
    assert seconds(found)[2] == 86400.0
    assert found
    assert found.basis.endswith("; not counted: 3 waiting for something other than a slot")


@pytest.mark.parametrize(
    "left",
    [
        rest(),
        rest(blocked=4),
        rest(actions=(Action.ABORT,), waiting=1),
        rest(actions=BOTH, in_flight=[RemainingActions((Action.ABORT,), 1.0)]),
    ],
)
def test_no_forecast_without_measured_durations(left: RemainingWork) -> None:
    assert eta(left, NOW, RATE_LIMITS) is None


_DURATIONS = st.lists(st.integers(0, 1000).map(float), max_size=30)


@given(st.integers(1, 8), _DURATIONS, _DURATIONS)
def test_no_schedule_is_shorter_than_its_work_or_longer_than_lists_can_be(
    slots: int, running: list[float], waiting: list[float]
) -> None:
    """Graham's bound, for starts in any order."""
    running = running[:slots]
    found = makespan(slots, running, waiting)
    work, longest = sum(running) + sum(waiting), max((*running, *waiting), default=0.0)
    bound = max(work / slots, longest)
    assert bound <= found + 1e-9
    assert found <= work / slots + longest * (1 - 1 / slots) + 1e-9


def test_slots_that_nobody_takes_cost_nothing() -> None:
    """A user who wants all clusters at once writes any large number."""
    assert makespan(2**31 - 1, [5.0], [7.0, 3.0]) == 7.0


@given(st.integers(1, 8), _DURATIONS, _DURATIONS)
def test_slots_beyond_the_bound_free_nothing(
    slots: int, running: list[float], waiting: list[float]
) -> None:
    """A restore may have lowered maxConcurrency."""
    found = makespan(slots, running, waiting)
    assert found >= max(running, default=0.0)
    if len(running) > slots and waiting:
        assert found >= sorted(running)[len(running) - slots] + waiting[0]


@given(
    st.integers(1, 50),
    st.integers(0, 200),
    st.integers(0, 3),
    st.lists(st.tuples(st.integers(1, 2), st.floats(0, 5000)), max_size=50),
    st.integers(-10, 100_000),
)
def test_the_likely_end_lies_between_the_others(
    slots: int,
    waiting: int,
    blocked: int,
    flights: list[tuple[int, float]],
    left: int,
) -> None:
    in_flight = [RemainingActions(BOTH[-count:], elapsed) for count, elapsed in flights]
    deadline = NOW + timedelta(seconds=left)
    asked = rest(
        actions=BOTH,
        slots=slots,
        waiting=waiting,
        blocked=blocked,
        in_flight=in_flight,
        deadline=deadline,
    )
    found = eta(asked, NOW, RATE_LIMITS)
    if found is None:
        assert not waiting
        assert all(each.elapsed > RATE_LIMITS[each.left[0]].p95 for each in in_flight)
        return
    assert NOW <= found.earliest <= found.at <= found.latest <= max(NOW, deadline)

"""The arithmetic of rate, ramp-up and jitter."""

from datetime import timedelta
from statistics import mean

import pytest

from ibgu.core.engine.timing.rate_limits import UNLIMITED, RateLimits

RAMP = RateLimits(ramp_up=True)


def test_each_level_of_the_ramp_up_is_reached_by_ended_members() -> None:
    assert [RAMP.level(ended) for ended in range(9)] == [1, 2, 2, 4, 4, 4, 4, 8, 8]
    assert [RAMP.more(ended) for ended in range(9)] == [1, 2, 1, 4, 3, 2, 1, 8, 7]


def test_the_width_is_never_above_the_slots() -> None:
    assert [RAMP.width(3, ended) for ended in range(5)] == [1, 2, 2, 3, 3]
    assert UNLIMITED.width(3, 0) == 3


@pytest.mark.parametrize(("members", "count"), [(0, 1), (1, 1), (2, 1), (3, 2), (5, 3)])
def test_waves_are_members_by_slots(members: int, count: int) -> None:
    assert UNLIMITED.waves(members, 2) == count


@pytest.mark.parametrize("slots", range(1, 18))
@pytest.mark.parametrize("members", [1, 2, 3, 7, 8, 30, 100])
def test_the_waves_of_a_ramp_up_are_those_that_play_out(members: int, slots: int) -> None:
    waves, left = 0, members
    starts: list[int] = []
    while left > 0:
        width = min(2**waves, slots, left)
        starts += [waves] * width
        left, waves = left - width, waves + 1
    assert RAMP.waves(members, slots) == waves
    for started in range(members):
        assert RAMP.waves(members, slots, started) == waves - starts[started]


def test_an_empty_step_has_one_wave() -> None:
    assert RAMP.waves(0, 5) == 1


def test_a_delay_is_always_the_same_and_spread_over_the_jitter() -> None:
    rate_limits = RateLimits(jitter=timedelta(seconds=100))
    delays = [rate_limits.delay(f"rollout/0/uid-{n}/1") for n in range(1000)]
    assert delays == [rate_limits.delay(f"rollout/0/uid-{n}/1") for n in range(1000)]
    seconds = [delay.total_seconds() for delay in delays]
    assert min(seconds) >= 0
    assert max(seconds) < 100
    assert 45 < mean(seconds) < 55
    assert UNLIMITED.delay("rollout/0/uid-1/1") == timedelta()


def test_minutes_to_start_so_many() -> None:
    assert [RateLimits(10).minutes(members) for members in (0, 1, 10, 11, 300)] == [0, 1, 1, 2, 30]
    assert UNLIMITED.minutes(300) == 0

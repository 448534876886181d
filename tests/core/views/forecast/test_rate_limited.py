"""The forecast of a rate-limited step's end."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ibgu.core.drivers import traits
from ibgu.core.drivers.ibu.actions import Action
from ibgu.core.engine.gates import GATE_REASONS
from ibgu.core.engine.timing.rate_limits import RateLimits, phrases
from ibgu.core.model import ReasonKind
from ibgu.core.views.forecast import eta, makespan
from tests.core.engine.state.records import NOW
from tests.core.views.forecast.test_eta import RATE_LIMITS, rest, seconds

RAMP = RateLimits(ramp_up=True)
SPANS = st.lists(st.floats(1, 1000), max_size=30)


def test_a_rate_puts_starts_off() -> None:
    """Two a minute, ten seconds each: the last two of seven start after three minutes."""
    assert makespan(100, [], [10.0] * 7, RateLimits(2)) == 190.0
    assert makespan(1, [], [100.0] * 3, RateLimits(2)) == 300.0


def test_a_ramp_up_has_its_waves() -> None:
    """1, 2, 4 and 3 of ten; what ended before counts."""
    assert makespan(4, [], [10.0] * 10, RAMP) == 40.0
    assert makespan(4, [], [10.0] * 10, RAMP, 3) == 30.0
    assert makespan(4, [5.0], [10.0] * 2, RAMP) == 15.0


def test_a_jitter_takes_half_of_it_each() -> None:
    assert makespan(1, [], [10.0] * 2, RateLimits(jitter=timedelta(seconds=4))) == 24.0


@given(running=SPANS, waiting=SPANS, slots=st.integers(1, 8))
def test_a_rate_limit_that_delays_nobody_changes_nothing(
    running: list[float], waiting: list[float], slots: int
) -> None:
    plain = makespan(slots, running, waiting)
    assert makespan(slots, running, waiting, RateLimits(1000)) == pytest.approx(plain)
    assert makespan(slots, running, waiting, RAMP, 1000) == pytest.approx(plain)


@given(waiting=SPANS, slots=st.integers(1, 8), rate=st.integers(1, 5), ramps=st.booleans())
def test_a_rate_limit_never_makes_it_faster(
    waiting: list[float], slots: int, rate: int, ramps: bool
) -> None:
    spans = sorted(waiting, reverse=True)[:1] * len(waiting)
    rate_limited = makespan(slots, [], spans, RateLimits(rate, ramp_up=ramps))
    assert rate_limited >= makespan(slots, [], spans) - 1e-6


def test_the_forecast_of_a_rate_limited_step_names_the_rate() -> None:
    found = eta(rest(slots=100, waiting=40, rate_limits=RateLimits(10)), NOW, RATE_LIMITS)
    earliest, at, latest = seconds(found)
    assert (earliest, latest) == (180.0 + 100.0, 180.0 + 150.0)
    assert earliest <= at <= latest
    assert found is not None
    assert found.basis.endswith("; at most 10 starts a minute")


def test_a_shared_hub_limit_makes_the_latest_end_unknown() -> None:
    uncounted = GATE_REASONS[ReasonKind.HUB_START_RATE].uncounted
    found = eta(rest(slots=100, waiting=4, uncounted=uncounted), NOW, RATE_LIMITS)
    assert found is not None
    assert found.latest == NOW + timedelta(days=1)
    assert found.basis.endswith("not counted: the hub's limit on starts, which others share")


def test_the_rate_limit_of_who_has_started_is_over() -> None:
    found = eta(rest(waiting=0, in_flight=[], rate_limits=RateLimits(10)), NOW, RATE_LIMITS)
    assert found is None


def test_a_rate_limit_in_words() -> None:
    assert phrases(RateLimits(10, timedelta(seconds=90), ramp_up=True)) == [
        "at most 10 starts a minute",
        "ramp-up 1, 2, 4, …",
        "each put off by up to 1 min 30 s",
    ]
    assert phrases(RateLimits()) == []


@pytest.mark.parametrize(
    ("own", "hub", "both"), [(0, 0, 0), (10, 0, 10), (0, 5, 5), (10, 5, 5), (3, 5, 3)]
)
def test_the_smaller_rate_counts(own: int, hub: int, both: int) -> None:
    assert RateLimits(own, ramp_up=True).within(hub) == RateLimits(both, ramp_up=True)
    assert traits(Action.PREP).rate_limited
    assert not traits(Action.ABORT).rate_limited

"""A preview includes the rate limits: waves, ends, and whether the timeout suffices."""

from datetime import timedelta

from ibgu.core.engine.timing.rate_limits import RateLimits, rate_limits_of
from tests.core.views.preview.test_preview import NOW, duration_stats, sites, spec, told

MINUTE = timedelta(minutes=1)


def test_the_timeout_has_to_be_enough_for_the_rate() -> None:
    found = told(spec("Prep", slots=300, timeout=20), sites(300), rate_limits=RateLimits(10))
    assert (
        "step 1: 300 clusters at 10 starts a minute need 30 min to start, and the timeout is "
        "20 min: clusters that have not started by then fail; allow more starts "
        "a minute, or a timeout of at "
        "least 30"
    ) in found.warnings


def test_the_measured_duration_of_the_last_cluster_is_included() -> None:
    measured = duration_stats(Prep=(5, 8))
    enough = told(
        spec("Prep", slots=300, timeout=38), sites(300), measured, rate_limits=RateLimits(10)
    )
    assert not any("starts a minute" in each for each in enough.warnings)
    little = told(
        spec("Prep", slots=300, timeout=37), sites(300), measured, rate_limits=RateLimits(10)
    )
    assert any(each.endswith("a timeout of at least 38") for each in little.warnings)


def test_the_likely_end_waits_for_the_rate_limit() -> None:
    fleet, measured = sites(30), duration_stats(Prep=(5, 8))
    assert told(spec("Prep", slots=30), fleet, measured).forecast.likely == NOW + 5 * MINUTE
    rated = told(spec("Prep", slots=30), fleet, measured, rate_limits=RateLimits(10))
    assert rated.forecast.likely == NOW + 7 * MINUTE
    hub = told(spec("Prep", slots=30), fleet, measured, hub_rate=5)
    assert hub.forecast.likely == NOW + 10 * MINUTE
    assert hub.steps[0].rate_limits == RateLimits(5)


def test_a_ramp_up_has_more_waves_and_less_time_for_each_site() -> None:
    found = told(spec("Prep", slots=8, timeout=60), sites(15), rate_limits=RateLimits(ramp_up=True))
    (step,) = found.steps
    assert (step.waves, step.allowed) == (4, 15 * MINUTE)


def test_steps_that_begin_otherwise_have_no_rate_limit() -> None:
    rate_limits = RateLimits(1, ramp_up=True)
    found = told(spec("Abort", slots=30), sites(30), rate_limits=rate_limits, hub_rate=1)
    (step,) = found.steps
    assert (step.waves, step.rate_limits) == (1, RateLimits())


def test_an_annotation_that_cant_be_read_is_a_warning() -> None:
    rate_limits = rate_limits_of({"ibgu.dev/ramp-up": "yes"})
    found = told(spec("Prep"), sites(2), rate_limits=rate_limits)
    assert (
        'the annotation ibgu.dev/ramp-up is "yes"; expected: true or false; until you change it, '
        "no step with Prep or Upgrade starts any cluster"
    ) in found.warnings

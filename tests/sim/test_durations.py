from random import Random

import pytest

from ibgu.sim.durations import (
    FIELD,
    PHASES,
    PhaseDurations,
    Spread,
    go_duration,
    parse_seconds,
    parse_spread,
)


@pytest.mark.parametrize(
    ("text", "seconds"), [("250ms", 0.25), ("6s", 6.0), ("1.5m", 90.0), ("2h", 7200.0)]
)
def test_durations_are_parsed_as_seconds(text: str, seconds: float) -> None:
    assert parse_seconds(text) == seconds


@pytest.mark.parametrize("text", ["", "6", "s", "-1s", "1d", "one"])
def test_invalid_durations_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a duration"):
        parse_seconds(text)


def test_spreads_are_parsed() -> None:
    assert parse_spread("9m") == Spread(540, 540)
    assert parse_spread("2s-6s") == Spread(2, 6)
    assert parse_spread("~9m") == Spread(540, 540, 0.35)
    with pytest.raises(ValueError, match="ends before it begins"):
        parse_spread("6s-2s")


def test_phases_of_a_range_add_up_to_the_stage() -> None:
    durations = PhaseDurations.parse("2s-6s")
    for stage in ("Prep", "Upgrade", "Rollback", "Abort", "Finalize"):
        for seed in range(50):
            drawn = durations.draw(stage, Random(seed))
            assert tuple(drawn) == PHASES[stage]
            assert 2.0 <= sum(drawn.values()) <= 6.0 + 1e-9


def test_field_durations_have_the_measured_median() -> None:
    rng = Random(7)
    drawn = sorted(FIELD["reboot"].draw(rng) for _ in range(999))
    assert drawn[499] == pytest.approx(540, rel=0.05)
    assert drawn[-1] <= 6 * 540


def test_single_phases_can_be_replaced() -> None:
    durations = PhaseDurations.parse("field, reboot=5m, precache=10s-20s")
    drawn = durations.draw("Upgrade", Random(1))
    assert drawn["reboot"] == 300
    assert 10 <= durations.draw("Prep", Random(1))["precache"] <= 20
    with pytest.raises(ValueError, match="unknown phase 'rebot'"):
        PhaseDurations.parse("rebot=5m")


@pytest.mark.parametrize(
    ("seconds", "text"), [(1800, "30m0s"), (45, "45s"), (3725, "1h2m5s"), (3600, "1h0m0s")]
)
def test_durations_are_formatted_as_in_go(seconds: int, text: str) -> None:
    assert go_duration(seconds) == text

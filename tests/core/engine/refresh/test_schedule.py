"""The schedule: which runs are refreshed when."""

import itertools
from collections.abc import Callable, Iterable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ibgu.core.drivers import traits
from ibgu.core.drivers.ibu.actions import Action
from ibgu.core.engine.refresh import (
    GAP,
    MAX_AGE,
    Eligibility,
    RefreshSchedule,
    RefreshTarget,
    any_age,
)
from ibgu.core.engine.timing.durations import DurationStats

LOW, HIGH = traits(Action.PREP).usual.low, traits(Action.PREP).usual.high


def target(cluster: str = "site-1", began: float = 0.0, **changes: Any) -> RefreshTarget:
    fields: dict[str, Any] = {
        "rollout": "uid-a",
        "step": 0,
        "cluster": cluster,
        "run": f"run-{cluster}",
        "action": Action.PREP,
        "began": began,
        **changes,
    }
    return RefreshTarget(**fields)


def following(*targets: RefreshTarget, rate: float = 10.0) -> RefreshSchedule:
    refreshes = RefreshSchedule(rate)
    for each in targets:
        refreshes.follow(each)
    return refreshes


def stands(eligibility: Eligibility = Eligibility.OPEN) -> Callable[[RefreshTarget], Eligibility]:
    return lambda _: eligibility


def names(found: Iterable[RefreshTarget]) -> list[str]:
    return [each.cluster for each in found]


def times(
    refreshes: RefreshSchedule, until: float, eligibility: Eligibility = Eligibility.OPEN
) -> list[float]:
    """Returns when a member is refreshed, if the schedule is asked whenever it is time to."""
    found, now = [], 0.0
    while refreshes.next_at is not None and (now := max(now, refreshes.next_at)) <= until:
        found += [now] * len(refreshes.choose(now, stands(eligibility)))
    return found


def stats(p10: float, p95: float) -> DurationStats:
    return DurationStats(count=10, p50=p10, p95=p95, spread=(p10, p10, *[p95] * 8))


def test_nobody_to_refresh() -> None:
    refreshes = following()

    assert refreshes.next_at is None
    assert refreshes.choose(0.0, stands()) == []


def test_twice_a_minute_while_the_run_is_in_its_range() -> None:
    found = times(following(target()), HIGH - 1)

    assert found[0] == LOW
    assert {later - earlier for earlier, later in itertools.pairwise(found)} == {GAP}


def test_ever_more_seldom_once_it_outlives_it() -> None:
    found = [at for at in times(following(target()), HIGH + 4000) if at >= HIGH]

    pauses = [later - earlier for earlier, later in itertools.pairwise(found)]
    assert pauses[:5] == [60.0, 120.0, 240.0, 480.0, MAX_AGE]
    assert set(pauses[5:]) == {MAX_AGE}


def test_a_silence_is_broken_at_once_and_then_ever_more_seldom() -> None:
    refreshes = RefreshSchedule(10.0, any_age)
    refreshes.follow(target(action=Action.UPGRADE))

    assert refreshes.choose(0.0, stands(Eligibility.CLOSED)) == []
    assert times(refreshes, 4000.0)[:6] == [5.0, 65.0, 185.0, 425.0, 905.0, 1505.0]


def test_an_ended_run_is_no_longer_followed() -> None:
    assert times(following(target()), 9999.0, Eligibility.OVER) == []


def test_a_run_that_can_not_be_read_is_tried_again_soon() -> None:
    refreshes = following(target())

    assert refreshes.choose(LOW, stands(Eligibility.CLOSED)) == []
    assert refreshes.next_at == LOW + 5
    assert names(refreshes.choose(LOW + 5, stands())) == ["site-1"]


def test_a_run_that_is_followed_stays_as_it_is() -> None:
    refreshes = following(target())
    refreshes.choose(LOW, stands())
    refreshes.follow(target())

    assert refreshes.choose(LOW + GAP - 1, stands()) == []
    assert names(refreshes.choose(LOW + GAP, stands())) == ["site-1"]
    assert refreshes.choose(LOW + GAP, stands()) == []


def test_the_gap_is_kept_from_one_run_to_the_next() -> None:
    refreshes = following(target())
    refreshes.choose(LOW, stands())
    refreshes.follow(target(run="next", began=LOW + 5 - 10, action=Action.FINALIZE_UPGRADE))

    assert refreshes.choose(LOW + 5, stands()) == []
    [refreshed] = refreshes.choose(LOW + GAP, stands())
    assert refreshed.run == "next"
    # Nothing of the former run is left.
    assert refreshes.choose(LOW + GAP, stands()) == []


def test_the_likeliest_to_have_ended_come_first() -> None:
    """Then who was not refreshed for the longest time: those who outlived the range are last."""
    refreshes = following(target("older"), target("younger"))

    def but_younger(each: RefreshTarget) -> Eligibility:
        return Eligibility.CLOSED if each.cluster == "younger" else Eligibility.OPEN

    assert names(refreshes.choose(HIGH, but_younger)) == ["older"]
    assert names(refreshes.choose(HIGH + 10, stands())) == ["younger"]
    now = HIGH + 100
    for name, age in (("early", LOW + 10), ("late", HIGH - 1), ("middle", (LOW + HIGH) / 2)):
        refreshes.follow(target(name, now - age))

    found = names(refreshes.choose(now, stands()))

    assert found == ["late", "middle", "early", "older", "younger"]


def test_refreshes_beyond_the_budget_wait() -> None:
    everybody = [target(f"site-{n}", began=float(n)) for n in range(5)]
    refreshes = following(*everybody, rate=2.0)

    assert names(refreshes.choose(LOW + 100, stands())) == ["site-0", "site-1"]
    assert refreshes.waiting == 3
    assert refreshes.next_at == LOW + 101
    assert names(refreshes.choose(LOW + 101, stands())) == ["site-2", "site-3"]
    assert names(refreshes.choose(LOW + 102, stands())) == ["site-4"]
    assert refreshes.waiting == 0


@pytest.mark.parametrize("learned", [stats(30.0, 90.0), stats(600.0, 900.0)])
def test_measured_durations_apply_once_learned(learned: DurationStats) -> None:
    refreshes = following(target())
    refreshes.learn({Action.PREP: learned}, 10.0)

    assert refreshes.next_at == learned.spread[0]
    assert names(refreshes.choose(learned.spread[0], stands())) == ["site-1"]


def test_learning_keeps_the_gap_and_forgets_who_is_gone() -> None:
    refreshes = following(target("stays"), target("ends"))
    refreshes.choose(LOW, stands())
    refreshes.choose(
        LOW + GAP, lambda each: Eligibility.OVER if each.cluster == "ends" else Eligibility.OPEN
    )

    refreshes.learn({}, LOW + GAP + 1)
    assert refreshes.next_at == LOW + 2 * GAP
    refreshes.learn({}, LOW + 99 * GAP)
    assert set(refreshes._refreshed) == {"stays"}


@settings(max_examples=200)
@given(
    st.floats(0.1, 5),
    st.lists(
        st.tuples(st.sampled_from([*Action]), st.floats(0, 900), st.floats(60, 4000)), min_size=1
    ),
    st.lists(st.floats(0.25, 300), min_size=1, max_size=60),
    st.randoms(use_true_random=False),
)
def test_the_caps_hold_whatever_happens(
    rate: float, runs: list[tuple[Action, float, float]], pauses: list[float], rng: Any
) -> None:
    """Never twice within the gap, never before the range, never beyond the rate."""
    refreshes, now, last, total = RefreshSchedule(rate), 0.0, dict[str, float](), 0
    for number, (action, began, _) in enumerate(runs):
        refreshes.follow(target(f"site-{number % 7}", began, run=f"run-{number}", action=action))
    for pause in pauses:
        now += pause
        if rng.random() < 0.2:
            low = rng.uniform(1, 300)
            refreshes.learn({Action.PREP: stats(low, low + rng.uniform(0, 300))}, now)
        for refreshed in refreshes.choose(now, lambda _: rng.choice([*Eligibility])):
            assert now - last.get(refreshed.cluster, -GAP) >= GAP - 1e-6
            assert (
                refreshed.action == Action.PREP
                or now - refreshed.began >= traits(refreshed.action).usual.low
            )
            last[refreshed.cluster] = now
            total += 1
    assert total <= max(1.0, rate) + now * rate + 1e-6

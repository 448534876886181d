"""R19: when exactly the circuit breaker opens."""

from datetime import timedelta

import pytest
from msgspec.structs import replace

from ibgu.core.engine.gates.circuit_breaker import first_failed, streak, threshold
from ibgu.core.engine.state import ActionEnd
from ibgu.core.model import Cause
from tests.core.engine.decide.fleet import START, InMemoryEngine, ibgu

FAILED = Cause.UPGRADE_FAILED


def ends(*causes: Cause | None) -> list[ActionEnd]:
    found = enumerate(causes)
    return [ActionEnd(START + timedelta(minutes=n), f"site-{n}", cause) for n, cause in found]


@pytest.mark.parametrize(
    ("concurrency", "needed"), [(1, 5), (50, 5), (51, 6), (100, 10), (1000, 100)]
)
def test_five_or_a_tenth_of_the_window(concurrency: int, needed: int) -> None:
    engine = InMemoryEngine("site-1")
    uid = engine.apply(ibgu("a", "Prep"))
    engine.until_started()
    step = engine.tracked(uid).steps[0].step
    assert threshold(replace(step, max_concurrency=concurrency)) == needed


@pytest.mark.parametrize(
    ("causes", "engaged"),
    [
        ([FAILED] * 2, False),
        ([FAILED] * 3, True),
        ([FAILED, Cause.TIMED_OUT, FAILED], True),
        ([None, FAILED, FAILED, FAILED], False),
        ([FAILED, FAILED, None, FAILED], False),
        ([FAILED, FAILED, FAILED, None], True),
    ],
)
def test_the_first_ones(causes: list[Cause | None], engaged: bool) -> None:
    assert bool(first_failed(ends(*causes), 3)) is engaged


@pytest.mark.parametrize(
    ("causes", "engaged"),
    [
        ([None, FAILED, FAILED], False),
        ([None, FAILED, FAILED, FAILED], True),
        ([None, FAILED, Cause.TIMED_OUT, FAILED], False),
        ([FAILED, FAILED, FAILED, None], False),
        ([None, None, None], False),
        ([], False),
    ],
)
def test_a_streak_is_of_one_cause_and_ends_now(causes: list[Cause | None], engaged: bool) -> None:
    assert bool(streak(ends(*causes), 3)) is engaged

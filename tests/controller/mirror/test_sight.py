"""The knowledge of the hub that is left when the same controller leads again."""

from datetime import UTC, datetime

import pytest

from ibgu.controller.mirror.sight import BLIP, Sight
from ibgu.controller.mirror.watches import Watches

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


class Seen(Watches):
    """Mirrors that a test puts out of step."""

    def __init__(self) -> None:
        self.counted = 0
        self.current = True

    @property
    def gaps(self) -> int:
        return self.counted

    @property
    def in_sync(self) -> bool:
        return self.current


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def seen() -> Seen:
    return Seen()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def sight(seen: Seen, clock: Clock) -> Sight:
    """Returns the sight of a controller that has led once."""
    made = Sight(seen, clock)
    assert made.begin(again=True) is None
    made.end(NOW)
    return made


def test_a_lead_that_is_had_again_at_once_goes_on(sight: Sight, clock: Clock) -> None:
    clock.now += BLIP
    assert sight.begin(again=True) == NOW
    sight.end(NOW)
    assert sight.begin(again=True) == NOW


def test_not_after_another_controller_has_led(sight: Sight) -> None:
    assert sight.begin(again=False) is None


def test_not_after_a_while(sight: Sight, clock: Clock) -> None:
    clock.now += BLIP + 1
    assert sight.begin(again=True) is None


def test_not_with_a_gap_in_what_was_seen(sight: Sight, seen: Seen) -> None:
    seen.counted += 1
    assert sight.begin(again=True) is None
    sight.end(NOW)
    assert sight.begin(again=True) == NOW


def test_not_while_the_mirror_is_behind(sight: Sight, seen: Seen) -> None:
    seen.current = False
    assert sight.begin(again=True) is None


def test_not_from_a_lead_that_never_began_its_work(sight: Sight) -> None:
    assert sight.begin(again=True) == NOW
    assert sight.begin(again=True) is None

"""R19.4: which limit of a seed image's circuit breaker was reached, and in which words."""

import pytest

from ibgu.core.engine.state import SeedTally
from ibgu.core.engine.state.seed_ends import exceeded
from ibgu.core.model import Cause
from ibgu.core.model.seed_image import SeedCircuitBreaker

FAILED = Cause.UPGRADE_FAILED


@pytest.mark.parametrize(
    ("limits", "found", "words"),
    [
        (SeedCircuitBreaker(same_cause=3), SeedTally(3, 2, FAILED, 2), ""),
        (
            SeedCircuitBreaker(same_cause=3),
            SeedTally(90, 4, FAILED, 3),
            "3 upgrades failed with UpgradeFailed",
        ),
        (
            SeedCircuitBreaker(same_cause=1),
            SeedTally(1, 1, FAILED, 1),
            "1 upgrade failed with UpgradeFailed",
        ),
        (SeedCircuitBreaker(percent=40), SeedTally(9, 9, FAILED, 9), ""),
        (SeedCircuitBreaker(percent=40), SeedTally(10, 3, FAILED, 3), ""),
        (SeedCircuitBreaker(percent=40), SeedTally(10, 4, FAILED, 1), "4 of 10 upgrades failed"),
        (SeedCircuitBreaker(percent=40, minimum_upgrades=0), SeedTally(), ""),
        (SeedCircuitBreaker(), SeedTally(99, 99, FAILED, 99), ""),
    ],
)
def test_limits(limits: SeedCircuitBreaker, found: SeedTally, words: str) -> None:
    assert found.exceeds(limits) is bool(words)
    assert not words or exceeded(limits, found) == words

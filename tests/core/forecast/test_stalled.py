"""Actions that take longer than usual."""

from datetime import timedelta

import pytest

from ibgu.core.forecast import DurationStats, Stalled, stalled
from ibgu.core.model import Action
from tests.core.fleet.records import NOW

RATE_LIMITS = {Action.PREP: DurationStats(40, 420.0, 720.0, (420.0,))}
BEGAN = NOW - timedelta(seconds=721)


def test_longer_than_usual() -> None:
    assert stalled(Action.PREP, BEGAN, NOW, RATE_LIMITS) == Stalled(
        NOW - timedelta(seconds=1), 720.0
    )


@pytest.mark.parametrize(
    ("action", "began"),
    [
        (Action.PREP, NOW - timedelta(seconds=720)),
        (Action.PREP, None),
        (Action.UPGRADE, BEGAN),
        (None, BEGAN),
    ],
)
def test_not_longer_not_begun_not_measured(action: Action | None, began: object) -> None:
    assert stalled(action, began, NOW, RATE_LIMITS) is None  # type: ignore[arg-type]

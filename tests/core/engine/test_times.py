"""The Lifecycle Agent's own timeouts."""

from datetime import timedelta

import pytest

from ibgu.core.engine.times import init_monitor
from ibgu.core.model.bounds import LARGEST
from ibgu.core.model.kinds import AutoRollback, IbuSpec


@pytest.mark.parametrize(
    ("given", "seconds"),
    [
        (None, 1800),
        (AutoRollback(), 1800),
        (AutoRollback(-1), 1800),
        (AutoRollback(600), 600),
        (AutoRollback(2**63 - 1), LARGEST),  # more than the calendar has
    ],
)
def test_the_monitor_has_half_an_hour_unless_told_otherwise(
    given: AutoRollback | None, seconds: int
) -> None:
    assert init_monitor(IbuSpec(auto_rollback_on_failure=given)) == timedelta(seconds=seconds)

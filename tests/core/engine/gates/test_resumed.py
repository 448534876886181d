"""R19: failures before a person's resume no longer count for the circuit breaker."""

from datetime import timedelta

import pytest

from ibgu.core.engine.gates.circuit_breaker import CIRCUIT_BREAKER
from ibgu.core.engine.state import FleetState
from ibgu.core.engine.state.snapshot import Snapshot
from tests.core.engine.decide.fleet import InMemoryEngine
from tests.core.engine.state.records import MINUTE, NOW, failed, rollout, step, world_of


def engaged(failures: int, resumed: timedelta | None) -> bool:
    """Failures a minute apart, the first one at NOW; resumed so long after that."""
    names = [f"site-{n}" for n in range(1, failures + 1)]
    members = [failed(name, at=NOW + n * MINUTE) for n, name in enumerate(names)]
    since = None if resumed is None else NOW + resumed
    fleet = world_of(rollout(), [step("Upgrade", breaker_reset_at=since)], members)
    return CIRCUIT_BREAKER.check(snapshot(fleet), fleet.rollouts["uid-a"].steps[0], NOW) is not None


def snapshot(fleet: FleetState) -> Snapshot:
    engine = InMemoryEngine()
    engine.fleet = fleet
    return engine.snapshot(fleet.rollouts["uid-a"])


@pytest.mark.parametrize(
    ("failures", "resumed", "stops"),
    [
        (4, None, False),
        (5, None, True),
        (5, 4 * MINUTE, False),
        (9, 4 * MINUTE, False),
        (10, 4 * MINUTE, True),
        (9, 3.5 * MINUTE, True),
        (10, 9 * MINUTE, False),
    ],
    ids=str,
)
def test_only_ends_after_the_resume_count(
    failures: int, resumed: timedelta | None, stops: bool
) -> None:
    """One at the very moment of the resume was seen by the person."""
    assert engaged(failures, resumed) is stops

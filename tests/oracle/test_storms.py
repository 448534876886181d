"""Storms: whatever happens to a rollout, its history shows that the rules were kept."""

from hypothesis import example, given

from tests.core.engine.decide.storms import (
    Scenario,
    StormFault,
    finish,
    heal,
    play,
    scenarios,
    twin_of,
)
from tests.core.engine.decide.test_storms import STORM
from tests.oracle.logs import certify, log_of, told

SKIPPED_THEN_DONE = Scenario(
    plan=("Prep", "Upgrade"),
    clusters=1,
    concurrency=1,
    timeout=20,
    faults=(),
    troubles=(
        StormFault(after=5, kind="mute", cluster=0),
        StormFault(after=6, kind="dark", cluster=0),
        StormFault(after=3, kind="dark", cluster=0),
        StormFault(after=5, kind="skip", cluster=0),
    ),
    payload=False,
)
"""A person skips a member whose withdrawn run the cluster had taken after all."""


@given(scenarios())
@example(SKIPPED_THEN_DONE)
@STORM
def test_the_history_of_any_storm_is_certified(scenario: Scenario) -> None:
    engine = twin_of(scenario)
    play(engine, scenario)
    assert told(certify(log_of(engine))) == []
    heal(engine)
    finish(engine)
    assert told(certify(log_of(engine))) == []

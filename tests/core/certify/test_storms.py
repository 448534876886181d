"""Whatever happens to a rollout, its own history proves that the rules were kept."""

from hypothesis import given

from tests.core.certify.logs import certify, log_of, told
from tests.core.decide.storms import Scenario, finish, heal, play, scenarios, twin_of
from tests.core.decide.test_storms import STORM


@given(scenarios())
@STORM
def test_the_history_of_any_storm_is_certified(scenario: Scenario) -> None:
    twin = twin_of(scenario)
    play(twin, scenario)
    assert told(certify(log_of(twin))) == []
    heal(twin)
    finish(twin)
    events = log_of(twin)
    assert told(certify(events)) == []
    for uid in twin.ibgus:
        assert told(certify(events, uid)) == []

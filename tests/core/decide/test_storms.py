"""Properties of whole rollouts, whatever happens to them (design section 6)."""

from hypothesis import HealthCheck, given, settings

from tests.core.decide.invariants import Invariants
from tests.core.decide.storms import Scenario, finish, heal, play, scenarios, twin_of

STORM = settings(
    deadline=None, max_examples=100, suppress_health_check=[HealthCheck.too_slow]
)


@given(scenarios())
@STORM
def test_any_storm_keeps_the_invariants_and_ends(scenario: Scenario) -> None:
    twin = twin_of(scenario)
    invariants = Invariants(twin)
    play(twin, scenario)
    heal(twin)
    finish(twin)
    invariants.at_rest()

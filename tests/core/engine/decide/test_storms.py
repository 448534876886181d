"""Properties of whole rollouts, whatever happens to them."""

from hypothesis import HealthCheck, given, settings
from msgspec.structs import replace

from ibgu.core.drivers.ibu.actions import Action
from ibgu.core.model import Outcome
from tests.core.engine.decide import labels
from tests.core.engine.decide.invariants import Invariants, executed
from tests.core.engine.decide.storms import Scenario, finish, heal, play, scenarios, twin_of
from tests.core.engine.decide.troubles import CALM, TROUBLES

STORM = settings(deadline=None, max_examples=100, suppress_health_check=[HealthCheck.too_slow])


@given(scenarios())
@STORM
def test_any_storm_keeps_the_invariants_and_ends(scenario: Scenario) -> None:
    engine = twin_of(scenario)
    invariants = Invariants(engine)
    play(engine, scenario)
    heal(engine)
    finish(engine)
    invariants.at_rest()


@given(scenarios(tuple(kind for kind in TROUBLES if kind != "recreate")))
@STORM
def test_labels_follow_outcomes_exactly_once(scenario: Scenario) -> None:
    engine = twin_of(scenario)
    before = labels.snapshot(engine)
    play(engine, scenario)
    heal(engine)
    finish(engine)
    labels.check(engine, before)


@given(scenarios(CALM, faults=False))
@STORM
def test_faults_of_ibgu_and_the_hub_change_no_outcome(scenario: Scenario) -> None:
    """Every action is carried out once, in order, however often ibgu or the hub stumble."""
    engine = twin_of(replace(scenario, timeout=100_000))
    invariants = Invariants(engine)
    play(engine, scenario)
    heal(engine)
    finish(engine)
    invariants.at_rest()
    for step in engine.tracked("uid-storm").steps:
        assert {m.outcome for m in step.members.values()} <= {Outcome.SUCCEEDED}
    steps = [step.split() for step in scenario.plan]
    skipped = [["AbortOnFailure"]] if steps[0] != ["AbortOnFailure"] else []
    actions = [Action(action) for step in steps if step not in skipped for action in step]
    for name in engine.spokes:
        assert executed(engine, name) == [action.stage for action in actions]

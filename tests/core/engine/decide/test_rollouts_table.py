"""Every pair of an event and a state of a rollout and its step is defined, with all their holds."""

import pytest

from ibgu.core.engine.gates import HOLDS
from ibgu.core.model import ReasonKind, RolloutState, StepState
from tests.core.engine.decide.events import UID
from tests.core.engine.decide.places import HAPPENINGS, PLACES, TO_THE_OBJECT, said, turn_after
from tests.core.engine.decide.rollouts_table import TABLE

CELLS = [(name, event, words) for name, row in TABLE.items() for event, words in row.items()]


@pytest.mark.parametrize(("name", "event", "words"), CELLS)
def test_each_event_in_each_state_has_its_decision(name: str, event: str, words: str) -> None:
    assert said(turn_after(PLACES[name], HAPPENINGS[event])) == words


def test_the_table_is_complete() -> None:
    anyway = set(HAPPENINGS) - {event.__name__ for event in TO_THE_OBJECT}
    assert set(TABLE) == set(PLACES)
    assert all(set(row) == set(HAPPENINGS) for name, row in TABLE.items() if name != "deleted")
    assert set(TABLE["deleted"]) == anyway


def test_every_state_and_every_hold_has_a_row() -> None:
    tracked_rollouts = [make().tracked(UID) for make in PLACES.values()]
    steps = [each.step for tracked in tracked_rollouts for each in tracked.steps]
    holds = [tracked.rollout.hold for tracked in tracked_rollouts] + [step.hold for step in steps]
    assert {tracked.rollout.state for tracked in tracked_rollouts} == set(RolloutState)
    assert {step.state for step in steps} == set(StepState)
    of_members = {ReasonKind.WARNING, ReasonKind.PREFLIGHT}
    assert {hold.kind for hold in holds if hold} == HOLDS - of_members

"""Every pair of run state and event is defined."""

import pytest

from ibgu.core.model import RunState
from tests.core.engine.decide.events import EVENTS, state
from tests.core.engine.decide.states import STATES, result, said
from tests.core.engine.decide.table import TABLE

CELLS = [(name, event, words) for name, row in TABLE.items() for event, words in row.items()]


@pytest.mark.parametrize(("name", "event", "words"), CELLS)
def test_each_event_in_each_run_state_has_its_decision(name: str, event: str, words: str) -> None:
    assert said(result(STATES[name], EVENTS[event])) == words


def test_the_table_is_complete() -> None:
    assert set(TABLE) == set(STATES)
    assert all(set(row) == set(EVENTS) for row in TABLE.values())
    assert {state(make()) for make in STATES.values()} == set(RunState)

"""Every pair of an event and a reason to wait is defined."""

import pytest

from ibgu.core.model import MemberState
from tests.core.engine.decide.events import UID
from tests.core.engine.decide.invariants import WAITING
from tests.core.engine.decide.waits import NAME, PLACES, possible, said, waiting
from tests.core.engine.decide.waits_table import TABLE

CELLS = [(name, event, words) for name, row in TABLE.items() for event, words in row.items()]


@pytest.mark.parametrize(("name", "event", "words"), CELLS)
def test_each_event_with_each_reason_has_its_decision(name: str, event: str, words: str) -> None:
    assert said(name, event) == words


@pytest.mark.parametrize("name", PLACES)
def test_a_row_has_all_that_can_happen(name: str) -> None:
    assert set(TABLE[name]) == possible(name)


def test_every_reason_has_a_row() -> None:
    assert set(TABLE) == set(PLACES)
    members = [waiting(name).member(UID, 0, NAME) for name in PLACES]
    assert {member.state for member in members} == {MemberState.WAITING}
    assert {member.reason.kind for member in members} == WAITING

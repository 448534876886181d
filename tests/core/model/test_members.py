"""Each state of a member holds what is known in it, and says so for the rest."""

import pytest
from msgspec import ValidationError, convert, to_builtins

from ibgu.core.drivers.ibu.actions import Action
from ibgu.core.model import (
    CompletedAction,
    InFlight,
    Member,
    MemberState,
    Outcome,
    has_acted,
)
from tests.core.engine.state.records import NOW, done, failed, in_flight, member, run
from tests.members import changed_member

EMPTY = {
    "slot": None,
    "limit": None,
    "ended_at": None,
    "outcome": None,
    "cause": None,
    "message": "",
    "failed_action": None,
    "late": "",
    "watched": False,
}
"""What is not known of a waiting member."""


def test_a_waiting_member_has_no_slot_and_no_end() -> None:
    found = member()
    assert {name: getattr(found, name) for name in EMPTY} == EMPTY
    assert (found.state, found.finished, found.run) == (MemberState.WAITING, False, None)


def test_a_member_in_flight_has_slot_limit_and_run() -> None:
    found = in_flight()
    assert isinstance(found, InFlight)
    assert (found.slot, found.run.open, found.finished) == (1, True, False)
    assert (found.outcome, found.ended_at, found.watched) == (None, None, False)


def test_a_finished_member_has_an_outcome_and_no_slot() -> None:
    found = done()
    assert (found.outcome, found.ended_at, found.finished) == (Outcome.SUCCEEDED, NOW, True)
    assert (found.slot, found.probe) == (None, None)


@pytest.mark.parametrize("found", [member(), in_flight(), done(), failed()])
def test_the_state_chooses_the_type(found: Member) -> None:
    row = to_builtins(found)
    assert row["state"] == found.state
    assert convert(row | {"slot": found.slot}, Member) == found


@pytest.mark.parametrize(
    ("found", "changes"),
    [
        (in_flight(), {"slot": None}),
        (in_flight(), {"limit": None}),
        (in_flight(), {"run": None}),
        (done(), {"outcome": None}),
        (done(), {"ended_at": None}),
        (done(), {"run": run()}),
        (member(), {"run": run()}),
    ],
)
def test_a_record_that_no_state_allows_is_not_read(
    found: Member, changes: dict[str, object]
) -> None:
    with pytest.raises(ValidationError):
        convert(to_builtins(found) | to_builtins(changes), Member)


def test_a_member_has_acted_once_it_had_a_slot_or_has_done_an_action() -> None:
    before = CompletedAction(Action.PREP, NOW, skipped=True)
    assert not has_acted(member())
    assert not has_acted(changed_member(member(), completed=(before,)))
    assert has_acted(changed_member(member(), completed=(CompletedAction(Action.PREP, NOW),)))
    assert has_acted(changed_member(in_flight(), started_at=NOW))

"""One word for where a member stands, whatever coincides."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from ibgu.core.engine.gates import HOLDS
from ibgu.core.model import (
    ActingParty,
    Cause,
    Member,
    MemberState,
    Outcome,
    Reason,
    ReasonKind,
    as_displayed,
)
from ibgu.core.views.display import STARTABLE, DisplayState, reason_of, word, word_of
from tests.core.engine.state.records import NOW, failed, member

CIRCUIT_BREAKER = Reason(ReasonKind.CIRCUIT_BREAKER, NOW, "5 in a row", None, ActingParty.PERSON)


def in_state(state: MemberState, kind: ReasonKind = ReasonKind.SLOT, **changes: Any) -> Member:
    return member(state=state, reason=Reason(kind, NOW), **changes)


@pytest.mark.parametrize(
    ("kind", "held", "expected"),
    [
        (ReasonKind.SLOT, False, DisplayState.WAITING),
        (ReasonKind.SLOT, True, DisplayState.HELD),
        (ReasonKind.READY, True, DisplayState.HELD),
        (ReasonKind.PROBING, False, DisplayState.PROBING),
        (ReasonKind.PROBING, True, DisplayState.HELD),
        (ReasonKind.UNREACHABLE, False, DisplayState.WAITING),
        (ReasonKind.UNREACHABLE, True, DisplayState.WAITING),
        (ReasonKind.RESTORED, False, DisplayState.HELD),
        (ReasonKind.FLOOR, True, DisplayState.HELD),
    ],
)
def test_the_display_state_of_a_waiting_member(
    kind: ReasonKind, held: bool, expected: DisplayState
) -> None:
    hold = CIRCUIT_BREAKER if held else None
    waiting = in_state(MemberState.WAITING, kind)
    assert word_of(waiting, hold) is expected
    shown = reason_of(waiting, hold)
    assert shown is (CIRCUIT_BREAKER if held and kind in STARTABLE else waiting.reason)


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (ReasonKind.PREPARING, DisplayState.RUNNING),
        (ReasonKind.RUNNING, DisplayState.RUNNING),
        (ReasonKind.FORBIDDEN, DisplayState.RUNNING),
        (ReasonKind.REBOOTING, DisplayState.REBOOTING),
        (ReasonKind.DIVERGED, DisplayState.TAKEN_OVER),
        (ReasonKind.RESTORED, DisplayState.HELD),
    ],
)
def test_the_display_state_of_a_member_in_flight_ignores_holds(
    kind: ReasonKind, expected: DisplayState
) -> None:
    running = in_state(MemberState.IN_FLIGHT, kind)
    assert word_of(running, None) is word_of(running, CIRCUIT_BREAKER) is expected
    assert reason_of(running, CIRCUIT_BREAKER) is running.reason


@pytest.mark.parametrize("outcome", list(Outcome))
def test_the_display_state_of_a_finished_member_is_its_outcome(outcome: Outcome) -> None:
    over = replace(in_state(MemberState.FINISHED), outcome=outcome)
    assert word_of(over, CIRCUIT_BREAKER) == outcome.value
    assert reason_of(over, CIRCUIT_BREAKER) is None
    by_hand = replace(over, cause=Cause.TAKEN_OVER)
    assert word_of(by_hand, None) == outcome.value, "every count has it there"


def test_a_late_completion_is_displayed_as_succeeded() -> None:
    late = replace(in_state(MemberState.FINISHED), late="completed late, after 47 min")
    for cause in (Cause.UPGRADE_FAILED, Cause.TAKEN_OVER):
        over = replace(late, outcome=Outcome.FAILED, cause=cause)
        assert word_of(over, None) is DisplayState.SUCCEEDED
    assert word_of(replace(late, outcome=Outcome.CANCELLED), None) is DisplayState.CANCELLED


def test_a_late_completion_is_shown_as_a_success_without_a_cause() -> None:
    found = failed("site-1", message="past its limit")
    assert as_displayed(found) is found
    told = as_displayed(replace(found, late="completed late, after 47 min"))
    assert (told.outcome, told.late) == (Outcome.SUCCEEDED, "completed late, after 47 min")
    assert (told.cause, told.failed_action, told.message) == (None, None, "")
    assert told.run is found.run


@given(
    st.sampled_from(MemberState),
    st.sampled_from(ReasonKind),
    st.sampled_from(Outcome),
    st.none() | st.sampled_from(Cause),
    st.booleans(),
    st.booleans(),
)
def test_rows_and_records_have_the_same_display_state(
    state: MemberState,
    kind: ReasonKind,
    outcome: Outcome,
    cause: Cause | None,
    late: bool,
    held: bool,
) -> None:
    """The grid speaks from the plain text of columns."""
    ended = outcome if state is MemberState.FINISHED else None
    words = "completed late, after 47 min" if late else ""
    over = {"outcome": outcome, "cause": cause, "late": words} if ended else {}
    record = in_state(state, kind, **over)
    told = word(str(state), str(kind), ended and str(ended), late, held=held)
    assert told is word_of(record, CIRCUIT_BREAKER if held else None)


def test_a_reason_holds_or_passes() -> None:
    assert not HOLDS & STARTABLE

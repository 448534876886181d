"""Every pair of a finished member and an event is defined."""

import pytest

from ibgu.core.model import Kind, OnMember
from tests.core.engine.decide.events import EVENTS, UID
from tests.core.engine.decide.finishes import SAID, WATCHED, succeeded
from tests.core.engine.decide.states import result, said


@pytest.mark.parametrize("event", EVENTS)
@pytest.mark.parametrize("name", WATCHED)
def test_a_watched_member(name: str, event: str) -> None:
    assert said(result(WATCHED[name], EVENTS[event])) == SAID.get(event, "")


@pytest.mark.parametrize("event", EVENTS)
def test_an_unwatched_member_ignores_every_event(event: str) -> None:
    assert said(result(succeeded, EVENTS[event])) == ""


@pytest.mark.parametrize("event", EVENTS)
@pytest.mark.parametrize("name", WATCHED)
def test_the_outcome_stays_whatever_comes(name: str, event: str) -> None:
    before = WATCHED[name]().member(UID, 0, "site-1")
    for decision in result(WATCHED[name], EVENTS[event]):
        if isinstance(decision, OnMember):
            after = decision.member
            assert (after.outcome, after.cause, after.slot) == (before.outcome, before.cause, None)
            assert decision.kind in (Kind.COMPLETED_LATE, Kind.AUTO_IMPORT_OFF, Kind.UNWATCHED)


def test_every_answer_is_to_an_event_that_there_is() -> None:
    assert set(SAID) <= set(EVENTS)

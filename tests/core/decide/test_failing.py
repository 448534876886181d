"""A rollout that ibgu fails at is held by that, but by nothing that a person has to end first."""

from datetime import timedelta

import pytest
from msgspec.structs import replace

from ibgu.core.decide import hold_failing
from ibgu.core.model import Kind, Reason, ReasonKind, Rollout, RolloutState, Who
from tests.core.decide.builders import START, ibgu, rollout_of
from tests.core.decide.fleets import sites

LATER = START + timedelta(minutes=1)
ROLLOUT = rollout_of(ibgu("a", "Prep"))


def failing(rollout: Rollout, error: str = "KeyError: 'x'") -> Rollout:
    held = hold_failing(rollout, error, START)
    assert held is not None
    return held.rollout


def test_it_tells_the_error_and_who_has_to_act() -> None:
    held = hold_failing(ROLLOUT, "KeyError: 'x'", START)
    assert held is not None
    assert (held.kind, held.warning) == (Kind.ROLLOUT_HELD, True)
    hold = held.rollout.hold
    assert hold is not None
    assert (hold.kind, hold.since, hold.who) == (ReasonKind.INTERNAL_ERROR, START, Who.PERSON)
    assert "KeyError: 'x'" in hold.message
    assert held.why == hold.message


def test_it_is_said_once_until_the_words_are_others() -> None:
    held = failing(ROLLOUT)
    assert hold_failing(held, "KeyError: 'x'", LATER) is None
    other = hold_failing(held, "ValueError: y", LATER)
    assert other is not None
    assert other.rollout.hold is not None
    assert other.rollout.hold.since == LATER


@pytest.mark.parametrize("kind", set(ReasonKind) - {ReasonKind.INTERNAL_ERROR})
def test_another_hold_stays(kind: ReasonKind) -> None:
    held = replace(ROLLOUT, hold=Reason(kind, START, "for a reason"))
    assert hold_failing(held, "KeyError: 'x'", LATER) is None


def test_who_is_deleted_is_not_held() -> None:
    deleted = replace(ROLLOUT, state=RolloutState.DELETED)
    assert hold_failing(deleted, "KeyError: 'x'", START) is None


@pytest.mark.parametrize("paused", [False, True])
def test_it_ends_with_the_first_turn_that_gets_through(paused: bool) -> None:
    twin = sites(1)
    uid = twin.apply(ibgu("a", "Prep"))
    twin.wait(seconds=20)
    book = twin.book(uid)
    book.rollout = failing(book.rollout)
    if paused:
        twin.annotate(uid, pause="")
    twin.wait(hours=1)
    hold = twin.book(uid).rollout.hold
    assert (hold.kind if hold else None) == (ReasonKind.PAUSED if paused else None)

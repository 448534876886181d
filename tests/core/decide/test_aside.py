"""A rollout with an error of our own is held by that, but by nothing that a person has to end."""

from datetime import timedelta

import pytest
from msgspec.structs import replace

from ibgu.core.decide import set_aside
from ibgu.core.model import Kind, Reason, ReasonKind, Rollout, RolloutState, Who
from tests.core.decide.builders import START, ibgu, rollout_of
from tests.core.decide.fleets import sites

LATER = START + timedelta(minutes=1)
ERROR = "KeyError in ibgu.core.somewhere, line 7"
ROLLOUT = rollout_of(ibgu("a", "Prep"))
KEPT = {ReasonKind.RESTORED, ReasonKind.INVALID_PLAN}


def held_by(rollout: Rollout, error: str = ERROR) -> Rollout:
    held = set_aside(rollout, error, START)
    assert held is not None
    return held.rollout


def test_it_tells_the_error_and_who_has_to_act() -> None:
    held = set_aside(ROLLOUT, ERROR, START)
    assert held is not None
    assert (held.kind, held.warning) == (Kind.ROLLOUT_HELD, True)
    hold = held.rollout.hold
    assert hold is not None
    assert (hold.kind, hold.since, hold.who) == (ReasonKind.INTERNAL_ERROR, START, Who.PERSON)
    assert ERROR in hold.message
    assert held.why == hold.message


def test_it_is_said_once_until_the_error_is_another_one() -> None:
    held = held_by(ROLLOUT)
    assert set_aside(held, ERROR, LATER) is None
    other = set_aside(held, "ValueError in ibgu.core.elsewhere, line 1", LATER)
    assert other is not None
    assert other.rollout.hold is not None
    assert other.rollout.hold.since == LATER


@pytest.mark.parametrize("kind", sorted(KEPT))
def test_what_only_a_person_can_end_stays(kind: ReasonKind) -> None:
    held = replace(ROLLOUT, hold=Reason(kind, START, "for a reason"))
    assert set_aside(held, ERROR, LATER) is None


@pytest.mark.parametrize("kind", sorted(set(ReasonKind) - KEPT))
def test_what_is_found_anew_gives_way(kind: ReasonKind) -> None:
    hold = held_by(replace(ROLLOUT, hold=Reason(kind, START, "for a reason"))).hold
    assert hold is not None
    assert hold.kind is ReasonKind.INTERNAL_ERROR


def test_who_is_deleted_is_not_held() -> None:
    deleted = replace(ROLLOUT, state=RolloutState.DELETED)
    assert set_aside(deleted, ERROR, START) is None


@pytest.mark.parametrize("paused", [False, True])
def test_it_ends_with_the_first_turn_that_gets_through(paused: bool) -> None:
    twin = sites(1)
    uid = twin.apply(ibgu("a", "Prep"))
    twin.wait(seconds=20)
    book = twin.book(uid)
    book.rollout = held_by(book.rollout)
    if paused:
        twin.annotate(uid, pause="")
    twin.wait(hours=1)
    hold = twin.book(uid).rollout.hold
    assert (hold.kind if hold else None) == (ReasonKind.PAUSED if paused else None)

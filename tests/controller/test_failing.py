"""What an error of ibgu's own leaves behind in a turn, and when it is tried again."""

from datetime import timedelta
from unittest.mock import patch

import pytest
from msgspec.structs import replace

from ibgu.controller.commit import Draft
from ibgu.controller.failing import AGAIN, Failing
from ibgu.core.book import World
from ibgu.core.model import Decision, Kind, OnMember, OnRollout, RolloutState
from tests.core.book.records import world_of
from tests.db import records
from tests.db.records import NOW

SECOND = timedelta(seconds=1)


def test_who_has_not_failed_is_decided_about() -> None:
    assert Failing().left("r", {"a": None}, NOW) == {"a": None}


def test_who_has_failed_is_tried_again_after_a_while_with_all_that_was_touched() -> None:
    failing = Failing()
    failing.failed("r", ["a"], NOW)
    assert failing.left("r", {"b": None}, NOW + SECOND) is None
    assert failing.left("other", {"b": None}, NOW + SECOND) == {"b": None}
    assert failing.again("r") == NOW + AGAIN
    left = failing.left("r", {}, NOW + AGAIN)
    assert left is not None
    assert list(left) == ["a", "b"]

    failing.failed("r", left, NOW + AGAIN)
    assert failing.left("r", {}, NOW + AGAIN + SECOND) is None
    assert list(failing) == ["r"]


def test_who_gets_through_is_forgotten() -> None:
    failing = Failing()
    failing.failed("r", ["a"], NOW)
    failing.over("r")
    failing.over("r")
    assert list(failing) == []
    assert failing.left("r", {"b": None}, NOW) == {"b": None}


def _waiting(*clusters: str) -> World:
    of = records.rollout("r")
    first = records.step(of)
    return world_of(of, [first], records.members(first, *clusters))


def _running(world: World) -> Decision:
    of = world.books["r"].rollout
    return OnRollout(Kind.PLAN_ACCEPTED, replace(of, state=RolloutState.RUNNING), "valid")


def _takes(world: World, cluster: str, slot: int) -> Decision:
    member = world.books["r"].steps[0].members[cluster]
    begun = replace(records.started(member, slot=slot), limit=NOW)
    return OnMember(Kind.RUN_INTENDED, begun, "a slot is free")


def _fails(draft: Draft, decisions: list[Decision]) -> None:
    with draft.whole():
        for decision in decisions:
            draft.take(decision)
        assert draft.world.books["r"].steps[0].slots == {1: "a", 2: "b"}
        raise ZeroDivisionError


def test_what_fails_is_taken_back_and_what_came_before_stays() -> None:
    world = _waiting("a", "b")
    draft = Draft(world)
    draft.take(_takes(world, "a", 1))
    with pytest.raises(ZeroDivisionError):
        _fails(draft, [_running(world), _takes(world, "b", 2)])
    step = world.books["r"].steps[0]
    assert step.slots == {1: "a"}
    assert step.members["b"].slot is None
    assert world.books["r"].rollout.state is not RolloutState.RUNNING
    turn = draft.turn(NOW)
    assert [member.cluster for member in turn.taken] == ["a"]
    assert [each.kind for each in turn.decisions] == [Kind.RUN_INTENDED]  # type: ignore[union-attr]
    assert not draft.torn


def test_what_goes_well_stays() -> None:
    world = _waiting("a")
    draft = Draft(world)
    with draft.whole():
        draft.take(_takes(world, "a", 1))
    assert [member.cluster for member in draft.turn(NOW).taken] == ["a"]


def test_a_decision_that_the_world_took_in_part_tears_the_draft() -> None:
    world = _waiting("a")
    draft = Draft(world)
    taking = _takes(world, "a", 1)
    with patch.object(World, "apply", side_effect=KeyError), pytest.raises(KeyError):
        draft.take(taking)
    assert draft.torn

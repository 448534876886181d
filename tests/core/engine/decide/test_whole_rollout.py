"""Decisions about all of a large rollout come in parts, members in flight first."""

from collections.abc import Iterator
from unittest.mock import patch

import pytest

from ibgu.core.drivers.ibu.actions import Stage
from ibgu.core.engine.decide.member import members
from ibgu.core.engine.decide.rollout import controls
from ibgu.core.engine.decide.step import steps
from ibgu.core.model import Kind, OnMember, OnRollout, Outcome, ReasonKind, StepState
from tests.core.engine.decide.fleet import InMemoryEngine, ibgu
from tests.core.engine.decide.fleets import sites


@pytest.fixture
def engine() -> Iterator[InMemoryEngine]:
    """A rollout whose last cluster is in flight, while six wait: a turn decides on two of them."""
    engine = sites(7)
    for spoke in engine.spokes.values():
        spoke.faults[Stage.PREP] = "slow"
    for number in range(1, 7):
        engine.spokes[f"site-{number}"].dark = True
    uid = engine.apply(ibgu("a", "Prep", concurrency=1))
    engine.wait(seconds=10)
    for number in range(1, 7):
        engine.spokes[f"site-{number}"].dark = False
        engine.touch_cluster(f"site-{number}")
    engine.settle()
    assert list(engine.tracked(uid).steps[0].in_flight) == ["site-7"]
    with patch.object(members, "MEMBERS_PER_CYCLE", 2), patch.object(steps, "MEMBERS_PER_CYCLE", 2):
        yield engine


def _decided(engine: InMemoryEngine) -> list[str]:
    """Returns the clusters on which the next turn decides."""
    said = [each.member.cluster for each in engine.turn() if isinstance(each, OnMember)]
    return list(dict.fromkeys(said))


def test_a_pause_reaches_everybody_turn_by_turn(engine: InMemoryEngine) -> None:
    [uid] = engine.fleet.rollouts
    engine.annotate(uid, pause="")
    assert _decided(engine) == ["site-1"]  # site-7, which comes first, just goes on
    assert len(engine.touched[uid]) == 5
    engine.settle()
    found = engine.tracked(uid).steps[0].members.values()
    assert {m.reason.kind for m in found if m.cluster != "site-7"} == {ReasonKind.PAUSED}


def test_a_deletion_ends_who_is_in_flight_first(engine: InMemoryEngine) -> None:
    [uid] = engine.fleet.rollouts
    engine.delete(uid)
    assert set(_decided(engine)) == {"site-7", "site-1"}
    engine.settle()
    decisions = [said.decision for said in engine.said]
    ended = [d for d in decisions if isinstance(d, OnMember) and d.kind is Kind.FINISHED]
    assert len(ended) == 7


def test_a_deadline_ends_everybody_turn_by_turn(engine: InMemoryEngine) -> None:
    [uid] = engine.fleet.rollouts
    engine.wait(hours=24)
    decisions = [said.decision for said in engine.said]
    ended = [d for d in decisions if isinstance(d, OnMember) and d.kind is Kind.FINISHED]
    assert len(ended) == 7
    assert engine.tracked(uid).steps[0].step.state is StepState.FINISHED


def test_members_not_yet_paused_are_neither_probed_nor_started() -> None:
    engine = sites(40)
    for spoke in engine.spokes.values():
        spoke.faults[Stage.PREP] = "slow"
    uid = engine.apply(ibgu("a", "Prep", concurrency=2))
    engine.wait(seconds=10)
    before = len(engine.said)
    with patch.object(members, "MEMBERS_PER_CYCLE", 3):
        engine.annotate(uid, pause="")
        engine.settle()
    found = engine.tracked(uid).steps[0].members.values()
    assert {m.reason.kind for m in found if m.run is None} == {ReasonKind.PAUSED}
    said = [each.decision for each in engine.said[before:]]
    assert not [d for d in said if isinstance(d, OnMember) and d.member.probe is not None]
    assert engine.tracked(uid).steps[0].step.hold is None


def test_members_about_to_be_skipped_are_not_started() -> None:
    engine = sites(7)
    for spoke in engine.spokes.values():
        spoke.dark = True
    uid = engine.apply(ibgu("a", "Prep", concurrency=1))
    engine.wait(seconds=10)
    for name, spoke in engine.spokes.items():
        spoke.dark = False
        engine.touch_cluster(name)
    with patch.object(controls, "MEMBERS_PER_CYCLE", 3):
        engine.annotate(uid, skip="waiting")
        engine.settle()
    found = engine.tracked(uid).steps[0].members.values()
    assert {(member.outcome, member.run) for member in found} == {(Outcome.SKIPPED, None)}
    decisions = [each.decision for each in engine.said]
    told = [d.why for d in decisions if isinstance(d, OnRollout) and d.kind is Kind.CONTROL]
    assert told == [
        "ibgu.dev/skip: 3 waiting clusters skipped, 4 to go",
        "ibgu.dev/skip: 3 waiting clusters skipped, 1 to go",
        "ibgu.dev/skip=waiting: 1 waiting cluster skipped",
    ]


def test_names_are_skipped_in_parts_and_who_is_in_flight_does_not_wait_for_it(
    engine: InMemoryEngine,
) -> None:
    [uid] = engine.fleet.rollouts
    names = [f"site-{number}" for number in range(1, 6)]
    with patch.object(controls, "MEMBERS_PER_CYCLE", 2):
        engine.annotate(uid, skip=",".join(names))
        assert set(_decided(engine)) == {"site-1", "site-2"}
        assert list(engine.touched[uid]) == ["site-3"]  # who comes now is decided on next
        engine.settle()
    found = engine.tracked(uid).steps[0].members
    skipped = [name for name, member in found.items() if member.outcome is Outcome.SKIPPED]
    assert sorted(skipped) == names
    assert found["site-6"].outcome is None


def test_a_skip_that_is_changed_in_the_middle_skips_nobody_else(engine: InMemoryEngine) -> None:
    [uid] = engine.fleet.rollouts
    with patch.object(controls, "MEMBERS_PER_CYCLE", 2):
        engine.annotate(uid, skip="waiting")
        engine.turn()
        engine.annotate(uid, skip="nobody")
        engine.settle()
    outcomes = [member.outcome for member in engine.tracked(uid).steps[0].members.values()]
    assert outcomes.count(Outcome.SKIPPED) == 2

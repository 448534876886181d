"""A rollout with an internal error is held by that, unless a hold stays that only a person can
end."""

from datetime import timedelta

import pytest
from msgspec.structs import replace

from ibgu.core.drivers.ibu.actions import Stage
from ibgu.core.engine.decide import quarantine_rollout
from ibgu.core.engine.state import TrackedRollout
from ibgu.core.model import (
    ActingParty,
    Decision,
    Kind,
    OnMember,
    OnRollout,
    Reason,
    ReasonKind,
    RolloutState,
)
from tests.core.engine.decide.builders import START, ibgu, rollout_of
from tests.core.engine.decide.fleet import InMemoryEngine
from tests.core.engine.decide.fleets import sites

LATER = START + timedelta(minutes=1)
ERROR = "KeyError in ibgu.core.somewhere, line 7"
KEPT = {ReasonKind.RESTORED, ReasonKind.INVALID_PLAN}


@pytest.fixture
def tracked() -> TrackedRollout:
    return TrackedRollout(rollout_of(ibgu("a", "Prep")))


def hold(tracked: TrackedRollout, error: str = ERROR) -> OnRollout:
    [held] = quarantine_rollout(tracked, error, START)
    assert isinstance(held, OnRollout)
    tracked.rollout = held.rollout
    return held


def test_a_quarantine_hold_names_the_error_and_the_person_to_act(tracked: TrackedRollout) -> None:
    held = hold(tracked)
    assert (held.kind, held.warning) == (Kind.ROLLOUT_HELD, True)
    reason = held.rollout.hold
    assert reason is not None
    assert (reason.kind, reason.since, reason.who) == (
        ReasonKind.INTERNAL_ERROR,
        START,
        ActingParty.PERSON,
    )
    assert ERROR in reason.message
    assert held.why == reason.message


def test_a_quarantine_hold_is_recorded_once_per_error(tracked: TrackedRollout) -> None:
    hold(tracked)
    assert list(quarantine_rollout(tracked, ERROR, LATER)) == []
    [other] = quarantine_rollout(tracked, "ValueError in ibgu.core.elsewhere, line 1", LATER)
    assert isinstance(other, OnRollout)
    assert other.rollout.hold is not None
    assert other.rollout.hold.since == LATER


@pytest.mark.parametrize("kind", sorted(KEPT))
def test_a_hold_that_only_a_person_ends_is_kept(tracked: TrackedRollout, kind: ReasonKind) -> None:
    tracked.rollout = replace(tracked.rollout, hold=Reason(kind, START, "for a reason"))
    assert list(quarantine_rollout(tracked, ERROR, LATER)) == []


@pytest.mark.parametrize("kind", sorted(set(ReasonKind) - KEPT))
def test_a_hold_that_is_recomputed_is_replaced(tracked: TrackedRollout, kind: ReasonKind) -> None:
    tracked.rollout = replace(tracked.rollout, hold=Reason(kind, START, "for a reason"))
    reason = hold(tracked).rollout.hold
    assert reason is not None
    assert reason.kind is ReasonKind.INTERNAL_ERROR


def test_a_deleted_rollout_is_not_held(tracked: TrackedRollout) -> None:
    tracked.rollout = replace(tracked.rollout, state=RolloutState.DELETED)
    assert list(quarantine_rollout(tracked, ERROR, START)) == []


def _take(engine: InMemoryEngine, uid: str) -> list[Decision]:
    said = list(quarantine_rollout(engine.tracked(uid), ERROR, engine.now))
    for decision in said:
        engine.fleet.apply(decision)
        engine.records.write(decision)
    return said


@pytest.mark.parametrize("paused", [False, True])
def test_a_quarantine_hold_ends_with_the_first_successful_turn(paused: bool) -> None:
    engine = sites(1)
    engine.spokes["site-1"].faults[Stage.PREP] = "slow"
    uid = engine.apply(ibgu("a", "Prep"))
    engine.wait(seconds=20)
    _take(engine, uid)
    if paused:
        engine.annotate(uid, pause="")
    engine.wait(minutes=1)
    reason = engine.tracked(uid).rollout.hold
    assert (reason.kind if reason else None) == (ReasonKind.PAUSED if paused else None)


def test_probes_of_waiting_members_are_forgotten() -> None:
    """A look rests on what nobody follows meanwhile."""
    engine = InMemoryEngine("site-1", "site-2", "site-3")
    engine.spokes["site-1"].faults[Stage.PREP] = "slow"
    uid = engine.apply(ibgu("a", "Prep", concurrency=1))
    engine.wait(seconds=10)
    assert engine.member(uid, 0, "site-1").run is not None
    assert engine.member(uid, 0, "site-2").probe is not None
    said = [each for each in _take(engine, uid) if isinstance(each, OnMember)]
    assert [each.member.cluster for each in said] == ["site-2", "site-3"]
    assert engine.member(uid, 0, "site-2").probe is None
    assert _take(engine, uid) == []

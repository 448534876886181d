"""Restores at every point of a rollout: nothing begins before a person resumes it, nothing is done
twice, no member is lost, and the end is as if nothing had happened."""

import pytest

from ibgu.core.model import ReasonKind, RolloutState
from tests.core.engine.decide.fleet import InMemoryEngine
from tests.core.engine.decide.invariants import Invariants
from tests.core.engine.decide.restores import (
    Backup,
    backup,
    journal,
    lose_journal,
    restore_both,
    restore_hub,
    restore_journal,
    write_status,
)
from tests.core.engine.decide.storms import twin_of_plan
from tests.core.engine.decide.test_interruptions import over
from tests.oracle.logs import certify, log_of, told

pytestmark = pytest.mark.slow("every-point")

UID = "uid-storm"
PLANS = [
    ("Prep",),
    ("Prep", "Upgrade", "FinalizeUpgrade"),
    ("Prep Upgrade FinalizeUpgrade",),
    ("Prep", "AbortOnFailure", "Upgrade", "AbortOnFailure", "FinalizeUpgrade"),
    ("Prep", "Abort"),
    ("Rollback", "FinalizeRollback"),
]
"""Each action, in steps of its own and with others in one. All plans that are allowed are what
interruptions are tested with; here, too, they would take a minute and a half of every run."""
STRIDE = 4
"""The stride from one point of a rollout to the next; each test begins with another one."""


def make(plan: tuple[str, ...]) -> InMemoryEngine:
    engine = twin_of_plan(plan, clusters=3, concurrency=2)
    Invariants(engine)
    return engine


def calm(plan: tuple[str, ...]) -> InMemoryEngine:
    engine = make(plan)
    engine.wait(days=2)
    return engine


def transitions(engine: InMemoryEngine) -> dict[str, list[str]]:
    return {name: [stage for _, stage in spoke.executed] for name, spoke in engine.spokes.items()}


def one_step(engine: InMemoryEngine) -> bool:
    """The smallest thing that can happen; False: the rollout is over and all is quiet."""
    if engine.touched or not over(engine):
        engine.step()
        return True
    return False


@pytest.mark.parametrize("plan", PLANS, ids=" | ".join)
@pytest.mark.parametrize("lag", [0, 2], ids=["status written", "status late"])
def test_the_journal_is_lost(plan: tuple[str, ...], lag: int) -> None:
    expected, point = transitions(calm(plan)), -lag
    while True:
        point += STRIDE
        engine = make(plan)
        for number in range(point):
            if not one_step(engine):
                assert number > 10
                return
            if number < point - lag and UID in engine.fleet.rollouts:
                write_status(engine, UID)
        lose_journal(engine)
        _goes_on_after_resume(engine, expected)


@pytest.mark.parametrize("plan", PLANS, ids=" | ".join)
def test_the_journal_is_lost_and_the_status_was_written_long_ago(plan: tuple[str, ...]) -> None:
    """The status tells who has ended, and of the others nothing: how far they are, only their works
    say."""
    expected, point = transitions(calm(plan)), 0
    while True:
        point += STRIDE
        engine, told_of = make(plan), None
        for number in range(point):
            if not one_step(engine):
                assert number > 10
                return
            if (ended := _ended(engine)) != told_of:
                told_of = ended
                write_status(engine, UID)
        lose_journal(engine)
        _goes_on_after_resume(engine, expected)


def _ended(engine: InMemoryEngine) -> list[tuple[int, int]] | None:
    """Returns how many members, and how many of them unfinished, by step; None before the first
    one."""
    steps = engine.tracked(UID).steps if UID in engine.fleet.rollouts else []
    return [(len(step.members), step.unfinished) for step in steps] or None


@pytest.mark.parametrize("plan", PLANS, ids=" | ".join)
def test_the_journal_is_restored_to_an_earlier_time(plan: tuple[str, ...]) -> None:
    expected, point = transitions(calm(plan)), 0
    while True:
        point += STRIDE
        engine, kept = make(plan), None
        for number in range(point):
            if number == point * 2 // 3:
                kept = journal(engine)
            if not one_step(engine):
                assert number > 10
                return
            if UID in engine.fleet.rollouts:
                write_status(engine, UID)
        assert kept is not None
        restore_journal(engine, kept)
        _goes_on_after_resume(engine, expected)


@pytest.mark.parametrize("plan", PLANS, ids=" | ".join)
@pytest.mark.parametrize("part", [0.2, 0.5, 0.9])
def test_the_hub_is_restored(plan: tuple[str, ...], part: float) -> None:
    expected, point = transitions(calm(plan)), -int(part * 4)
    while True:
        point += STRIDE
        engine, saved = make(plan), None
        for number in range(point):
            if number == int(point * part):
                saved = backup(engine)
            if not one_step(engine):
                assert number > 10
                return
        assert saved is not None
        _restored(engine, saved, expected)


@pytest.mark.parametrize("plan", PLANS, ids=" | ".join)
@pytest.mark.parametrize("part", [0.2, 0.5, 0.9])
def test_hub_and_journal_are_restored_to_the_same_time(plan: tuple[str, ...], part: float) -> None:
    """A cluster that had not begun may begin before another one shows the restore. Moments at which
    a work was armed are left out: nobody could keep its agent from applying it once more."""
    expected, point = transitions(calm(plan)), -int(part * 4)
    while True:
        point += STRIDE
        engine, saved = make(plan), None
        for number in range(point):
            if number == int(point * part):
                saved = backup(engine), journal(engine)
            if not one_step(engine):
                assert number > 10
                return
        assert saved is not None
        if not any(work.wanted.armed for work in saved[0].works.values()):
            restore_both(engine, *saved)
            engine.wait(hours=1)
            engine.annotate(UID, resume="1")
            _ends_as_expected(engine, expected)


def _restored(engine: InMemoryEngine, saved: Backup, expected: dict[str, list[str]]) -> None:
    restore_hub(engine, saved)
    _goes_on_after_resume(engine, expected)


def _goes_on_after_resume(engine: InMemoryEngine, expected: dict[str, list[str]]) -> None:
    before = transitions(engine)
    engine.wait(hours=1)
    rollout = engine.tracked(UID).rollout if UID in engine.fleet.rollouts else None
    if rollout is not None and rollout.stands_still:
        assert transitions(engine) == before, "something was begun before a person said so"
        assert not any(work.wanted.armed for work in engine.works.values())
        for member in engine.tracked(UID).unfinished():
            assert member.reason.kind is not ReasonKind.DIVERGED
        engine.annotate(UID, resume="1")
    _ends_as_expected(engine, expected)


def _ends_as_expected(engine: InMemoryEngine, expected: dict[str, list[str]]) -> None:
    engine.wait(days=2)
    assert engine.tracked(UID).rollout.state is RolloutState.COMPLETE
    assert transitions(engine) == expected
    (invariants,) = engine.watchers
    assert isinstance(invariants, Invariants)
    invariants.at_rest()
    assert told(certify(log_of(engine))) == []

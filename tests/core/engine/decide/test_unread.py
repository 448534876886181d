"""R32.2: while objects of a cluster can't be read, nothing is decided on it."""

import pytest

from ibgu.core.drivers.ibu.actions import Stage
from ibgu.core.model import ActingParty, Cause, Finished, Kind, Outcome, ReasonKind
from tests.core.engine.decide.fleet import InMemoryEngine, ibgu


def test_a_cluster_that_cant_be_read_is_not_gone() -> None:
    engine = InMemoryEngine("site-1", "site-2", "site-3")
    uid = engine.apply(ibgu("a", "Prep", concurrency=1))
    engine.until(Kind.RUN_ACCEPTED)
    engine.unread.add("site-2")
    engine.restart()
    engine.wait(hours=1)
    waiting = engine.member(uid, 0, "site-2")
    assert (waiting.reason.kind, waiting.reason.who) == (
        ReasonKind.MALFORMED,
        ActingParty.PERSON,
    )
    assert "can't read" in waiting.reason.message
    assert [name for name, _ in engine.writes] == []
    assert engine.member(uid, 0, "site-3").outcome is Outcome.SUCCEEDED
    engine.unread.clear()
    engine.wait(minutes=30)
    assert engine.member(uid, 0, "site-2").outcome is Outcome.SUCCEEDED


def test_a_run_on_a_cluster_that_cant_be_read_does_not_end() -> None:
    engine = InMemoryEngine("site-1", "site-2")
    uid = engine.apply(ibgu("a", "Prep", concurrency=1, timeout=60))
    engine.spokes["site-1"].faults[Stage.PREP] = "hang"
    engine.until(Kind.RUN_ACCEPTED)
    engine.unread.add("site-1")
    engine.touch_cluster("site-1")
    engine.wait(minutes=10)
    assert engine.member(uid, 0, "site-1").reason.who is ActingParty.PERSON
    engine.wait(hours=2)
    assert not engine.member(uid, 0, "site-1").finished
    engine.unread.clear()
    engine.wait(minutes=5)
    ended = engine.member(uid, 0, "site-1")
    assert isinstance(ended, Finished)
    assert ended.cause is Cause.TIMED_OUT


def test_a_run_is_disarmed_once_a_cluster_that_cant_be_read_has_taken_it() -> None:
    """The agent would apply the stage again and again, against those who repair the site."""
    engine = InMemoryEngine("site-1")
    uid = engine.apply(ibgu("a", "Prep"))
    engine.until(Kind.RUN_ARMING)
    engine.deliver()
    engine.unread.add("site-1")
    engine.restart()
    engine.wait(minutes=5)
    assert engine.member(uid, 0, "site-1").reason.kind is ReasonKind.MALFORMED
    assert engine.spokes["site-1"].executed != []
    assert not engine.works[uid, "site-1"].wanted.armed
    engine.unread.clear()
    engine.wait(hours=1)
    assert engine.member(uid, 0, "site-1").outcome is Outcome.SUCCEEDED


@pytest.mark.parametrize("unread", [True, False])
def test_an_ended_member_is_watched_once_its_cluster_can_be_read(*, unread: bool) -> None:
    engine = InMemoryEngine("site-1")
    uid = engine.apply(ibgu("a", "Prep", timeout=60))
    engine.spokes["site-1"].faults[Stage.PREP] = "slow"
    engine.until(Kind.STEP_FINISHED)
    if unread:
        engine.unread.add("site-1")
    engine.wait(minutes=5)
    found = engine.member(uid, 0, "site-1")
    assert isinstance(found, Finished)
    assert found.watched is unread
    assert bool(found.late) is not unread

"""R5, R8: between two actions of a step the cluster's own feedback decides."""

from datetime import timedelta

import pytest

from ibgu.core.engine.decide.member.ending import TIMEOUT
from ibgu.core.model import Cause, Kind, Outcome, ReasonKind
from tests.core.engine.decide.fleet import InMemoryEngine, ibgu
from tests.core.engine.decide.invariants import Invariants
from tests.core.engine.decide.spoke import told

MINUTE = timedelta(minutes=1)


def between(timeout: int = 60, *clusters: str) -> tuple[InMemoryEngine, str]:
    """Prep has succeeded, Upgrade is next; the hub does not take the disarming yet."""
    engine = InMemoryEngine(*(clusters or ("site-1",)))
    Invariants(engine)
    uid = engine.apply(ibgu("a", "Prep Upgrade", timeout=timeout, concurrency=1))
    engine.until(Kind.RUN_ACCEPTED)
    engine.stalled = engine.now + 2 * MINUTE
    engine.until(Kind.RUN_ENDED)
    assert engine.member(uid, 0, "site-1").reason.kind is ReasonKind.DISARMING
    return engine, uid


def test_the_next_action_starts_when_the_work_is_disarmed() -> None:
    engine, uid = between()
    engine.wait(hours=1)
    assert engine.member(uid, 0, "site-1").outcome is Outcome.SUCCEEDED
    assert engine.kinds("site-1").count(Kind.PROBED) == 1


def test_the_next_action_waits_for_feedback_until_the_deadline() -> None:
    engine, uid = between()
    engine.frozen.add("site-1")
    engine.wait(minutes=5)
    member = engine.member(uid, 0, "site-1")
    assert member.reason.message == "waits for feedback before Upgrade"
    engine.wait(hours=1)
    member = engine.member(uid, 0, "site-1")
    assert (member.failed_action, member.cause) == ("Upgrade", Cause.TIMED_OUT)
    words = (
        "Action did not successfully complete before the timeout specified in the rolloutStrategy"
    )
    assert words == TIMEOUT
    assert member.message == f"{TIMEOUT}. Last seen: waits for feedback before Upgrade"
    assert [done.action for done in member.completed] == ["Prep"]
    assert "lcm.openshift.io/ibgu-upgrade-failed" not in engine.labels["site-1"]


def test_past_its_limit_it_yields_to_one_that_can_start() -> None:
    engine, uid = between(60, "site-1", "site-2")
    engine.frozen.add("site-1")
    engine.wait(minutes=31)
    assert engine.member(uid, 0, "site-1").cause is Cause.TIMED_OUT
    assert engine.member(uid, 0, "site-2").slot == 1


def test_a_busy_cluster_is_waited_for() -> None:
    engine, uid = between()
    spoke = engine.spokes["site-1"]
    before = spoke.conditions["PrepInProgress"]
    spoke.conditions["PrepInProgress"] = told("False", "Blocked", "IPC is not idle")
    engine.wait(minutes=5)
    member = engine.member(uid, 0, "site-1")
    assert (member.reason.kind, member.reason.message) == (ReasonKind.BUSY, "IPC is not idle")
    assert Kind.RUN_INTENDED in engine.kinds("site-1")
    spoke.conditions["PrepInProgress"] = before
    engine.wait(minutes=30)
    assert engine.member(uid, 0, "site-1").outcome is Outcome.SUCCEEDED


def test_a_spec_that_the_lifecycle_agent_has_not_seen_is_waited_for() -> None:
    engine, uid = between()
    engine.spokes["site-1"].observed -= 1
    engine.wait(minutes=5)
    words = "the Lifecycle Agent has not seen the spec yet"
    assert engine.member(uid, 0, "site-1").reason.message == words


def test_an_action_done_by_hand_is_passed_over() -> None:
    engine, uid = between()
    engine.spokes["site-1"].to("Upgrade")
    engine.wait(minutes=5)
    member = engine.member(uid, 0, "site-1")
    assert member.outcome is Outcome.SUCCEEDED
    assert member.completed[1].note.startswith("was already upgraded")


def test_another_state_fails_the_next_action() -> None:
    engine, uid = between()
    engine.spokes["site-1"].to("Idle")
    engine.wait(minutes=5)
    member = engine.member(uid, 0, "site-1")
    assert (member.failed_action, member.cause) == ("Upgrade", Cause.WRONG_STATE)
    assert "Upgrade needs a cluster that is prepared" in member.message
    assert [done.action for done in member.completed] == ["Prep"]


@pytest.mark.parametrize("uid_now", [None, "another"])
def test_a_cluster_that_is_gone_ends_it(uid_now: str | None) -> None:
    engine, uid = between()
    if uid_now is None:
        del engine.spokes["site-1"]
    else:
        engine.spokes["site-1"].uid = uid_now
    engine.touch_cluster("site-1")
    engine.settle()
    member = engine.member(uid, 0, "site-1")
    assert (member.outcome, member.cause) == (Outcome.FAILED, Cause.GONE)


def test_a_request_to_let_go_ends_it() -> None:
    engine, uid = between()
    engine.apply(ibgu("b", "Abort"))
    engine.wait(minutes=10)
    member = engine.member(uid, 0, "site-1")
    assert (member.outcome, member.cause) == (Outcome.CANCELLED, Cause.PREEMPTED)
    assert [stage for _, stage in engine.spokes["site-1"].executed] == ["Prep", "Idle"]


def test_a_deletion_ends_it() -> None:
    engine, uid = between()
    engine.delete(uid)
    engine.wait(minutes=10)
    member = engine.member(uid, 0, "site-1")
    assert (member.outcome, member.cause) == (Outcome.CANCELLED, Cause.DELETED)


def test_the_deadline_comes_while_it_is_being_disarmed() -> None:
    engine, uid = between(2)
    engine.wait(minutes=5)
    member = engine.member(uid, 0, "site-1")
    assert (member.failed_action, member.cause) == ("Upgrade", Cause.TIMED_OUT)
    assert [stage for _, stage in engine.spokes["site-1"].executed] == ["Prep"]

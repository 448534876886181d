"""R12: reboots are expected; a cluster that is unreachable before its start gets nothing."""

import pytest

from ibgu.core.drivers.ibu.actions import Stage
from ibgu.core.model import Cause, Kind, MemberState, Outcome, ReasonKind
from tests.core.engine.decide.arming import vanish
from tests.core.engine.decide.fleet import InMemoryEngine, ibgu


def test_a_cluster_that_is_dark_inside_its_upgrade_is_rebooting() -> None:
    engine = InMemoryEngine("site-1")
    uid = engine.apply(ibgu("a", "Prep Upgrade"))
    engine.wait(minutes=5)
    member = engine.member(uid, 0, "site-1")
    assert engine.spokes["site-1"].dark
    assert member.reason.kind is ReasonKind.REBOOTING
    assert member.slot == 1
    engine.wait(minutes=30)
    assert engine.member(uid, 0, "site-1").outcome is Outcome.SUCCEEDED


def test_a_rollback_reboots_too() -> None:
    engine = InMemoryEngine("site-1")
    engine.spokes["site-1"].to("Prep")
    engine.spokes["site-1"].to("Upgrade")
    engine.labels["site-1"]["lcm.openshift.io/ibgu-upgrade-completed"] = ""
    uid = engine.apply(ibgu("a", "Rollback"))
    engine.wait(minutes=3)
    assert engine.member(uid, 0, "site-1").reason.kind is ReasonKind.REBOOTING
    engine.wait(minutes=30)
    assert engine.member(uid, 0, "site-1").outcome is Outcome.SUCCEEDED


def test_a_rebooting_member_keeps_its_slot_until_its_limit() -> None:
    engine = InMemoryEngine("site-1")
    engine.spokes["site-1"].faults[Stage.UPGRADE] = "slow"
    uid = engine.apply(ibgu("a", "Prep Upgrade", timeout=60))
    engine.wait(minutes=59)
    assert engine.member(uid, 0, "site-1").slot == 1
    engine.wait(minutes=2)
    member = engine.member(uid, 0, "site-1")
    assert member.cause is Cause.TIMED_OUT
    assert "Last seen: the cluster is not reachable while it reboots" in member.message


def test_an_unreachable_member_in_prep_keeps_its_slot() -> None:
    engine = InMemoryEngine("site-1")
    uid = engine.apply(ibgu("a", "Prep"))
    engine.wait(seconds=30)
    engine.spokes["site-1"].dark = True
    engine.touch_cluster("site-1")
    engine.wait(minutes=10)
    member = engine.member(uid, 0, "site-1")
    assert (member.reason.kind, member.slot) == (ReasonKind.UNREACHABLE, 1)
    engine.spokes["site-1"].dark = False
    engine.touch_cluster("site-1")
    engine.wait(seconds=1)
    assert engine.member(uid, 0, "site-1").outcome is Outcome.SUCCEEDED


@pytest.mark.parametrize("step", ["Prep", "Abort"])
def test_an_unreachable_member_waits_without_a_slot_and_a_work(step: str) -> None:
    engine = InMemoryEngine("site-1")
    engine.spokes["site-1"].dark = True
    uid = engine.apply(ibgu("a", step))
    engine.wait(minutes=30)
    member = engine.member(uid, 0, "site-1")
    assert (member.state, member.reason.kind) == (MemberState.WAITING, ReasonKind.UNREACHABLE)
    assert member.slot is None
    assert not engine.works


def test_a_cluster_that_vanishes_after_arming_counts_as_rebooting() -> None:
    """The cluster was "Unreachable, check power", though an Upgrade had been sent to it."""
    engine = InMemoryEngine("site-1")
    engine.spokes["site-1"].to("Prep")
    engine.labels["site-1"]["lcm.openshift.io/ibgu-prep-completed"] = ""
    uid = engine.apply(ibgu("a", "Upgrade"))
    engine.until(Kind.RUN_ARMING)
    engine.muted.add("site-1")
    engine.deliver()
    engine.wait(seconds=1)
    vanish(engine)
    engine.wait(seconds=30)
    armed = engine.member(uid, 0, "site-1")
    assert (armed.state, armed.reason.kind) == (MemberState.IN_FLIGHT, ReasonKind.REBOOTING)
    assert armed.reason.message.startswith("not reachable since Upgrade was sent to it")
    engine.wait(minutes=5)
    withdrawn = engine.member(uid, 0, "site-1")
    assert (withdrawn.state, withdrawn.reason.kind) == (MemberState.WAITING, ReasonKind.REBOOTING)

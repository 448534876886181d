"""R12: reboots are expected; a cluster that is unreachable before its start gets nothing."""

import pytest

from ibgu.core.drivers.ibu.actions import Stage
from ibgu.core.model import Cause, Kind, MemberState, Outcome, ReasonKind
from tests.core.engine.decide.arming import vanish
from tests.core.engine.decide.fleet import InMemoryEngine, ibgu


def test_a_cluster_that_is_dark_inside_its_upgrade_is_rebooting() -> None:
    twin = InMemoryEngine("site-1")
    uid = twin.apply(ibgu("a", "Prep Upgrade"))
    twin.wait(minutes=5)
    member = twin.member(uid, 0, "site-1")
    assert twin.spokes["site-1"].dark
    assert member.reason.kind is ReasonKind.REBOOTING
    assert member.slot == 1
    twin.wait(minutes=30)
    assert twin.member(uid, 0, "site-1").outcome is Outcome.SUCCEEDED


def test_a_rollback_reboots_too() -> None:
    twin = InMemoryEngine("site-1")
    twin.spokes["site-1"].to("Prep")
    twin.spokes["site-1"].to("Upgrade")
    twin.labels["site-1"]["lcm.openshift.io/ibgu-upgrade-completed"] = ""
    uid = twin.apply(ibgu("a", "Rollback"))
    twin.wait(minutes=3)
    assert twin.member(uid, 0, "site-1").reason.kind is ReasonKind.REBOOTING
    twin.wait(minutes=30)
    assert twin.member(uid, 0, "site-1").outcome is Outcome.SUCCEEDED


def test_a_rebooting_member_keeps_its_slot_until_its_limit() -> None:
    twin = InMemoryEngine("site-1")
    twin.spokes["site-1"].faults[Stage.UPGRADE] = "slow"
    uid = twin.apply(ibgu("a", "Prep Upgrade", timeout=60))
    twin.wait(minutes=59)
    assert twin.member(uid, 0, "site-1").slot == 1
    twin.wait(minutes=2)
    member = twin.member(uid, 0, "site-1")
    assert member.cause is Cause.TIMED_OUT
    assert "Last seen: rebooting" in member.message


def test_an_unreachable_member_in_prep_keeps_its_slot() -> None:
    twin = InMemoryEngine("site-1")
    uid = twin.apply(ibgu("a", "Prep"))
    twin.wait(seconds=30)
    twin.spokes["site-1"].dark = True
    twin.touch_cluster("site-1")
    twin.wait(minutes=10)
    member = twin.member(uid, 0, "site-1")
    assert (member.reason.kind, member.slot) == (ReasonKind.UNREACHABLE, 1)
    twin.spokes["site-1"].dark = False
    twin.touch_cluster("site-1")
    twin.wait(seconds=1)
    assert twin.member(uid, 0, "site-1").outcome is Outcome.SUCCEEDED


@pytest.mark.parametrize("step", ["Prep", "Abort"])
def test_an_unreachable_member_waits_without_a_slot_and_a_work(step: str) -> None:
    twin = InMemoryEngine("site-1")
    twin.spokes["site-1"].dark = True
    uid = twin.apply(ibgu("a", step))
    twin.wait(minutes=30)
    member = twin.member(uid, 0, "site-1")
    assert (member.state, member.reason.kind) == (MemberState.WAITING, ReasonKind.UNREACHABLE)
    assert member.slot is None
    assert not twin.works


def test_a_cluster_that_vanishes_after_arming_counts_as_rebooting() -> None:
    """The cluster was "Unreachable, check power", though an Upgrade had been sent to it."""
    twin = InMemoryEngine("site-1")
    twin.spokes["site-1"].to("Prep")
    twin.labels["site-1"]["lcm.openshift.io/ibgu-prep-completed"] = ""
    uid = twin.apply(ibgu("a", "Upgrade"))
    twin.until(Kind.RUN_ARMING)
    twin.muted.add("site-1")
    twin.deliver()
    twin.wait(seconds=1)
    vanish(twin)
    twin.wait(seconds=30)
    armed = twin.member(uid, 0, "site-1")
    assert (armed.state, armed.reason.kind) == (MemberState.IN_FLIGHT, ReasonKind.REBOOTING)
    assert armed.reason.message.startswith("not reachable since Upgrade was sent to it")
    twin.wait(minutes=5)
    withdrawn = twin.member(uid, 0, "site-1")
    assert (withdrawn.state, withdrawn.reason.kind) == (MemberState.WAITING, ReasonKind.REBOOTING)

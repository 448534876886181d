"""A failure that the cluster may end by itself has a grace (R10.8)."""

from dataclasses import dataclass
from datetime import timedelta

import pytest
from msgspec.structs import replace

from ibgu.core.engine.driver import Verdict, VerdictKind
from ibgu.core.model import ActingParty, Cause, FeedbackView, Kind, Outcome, ReasonKind, Rollout
from tests.core.engine.decide.firmware import FirmwareDriver, FirmwareNode
from tests.core.engine.decide.fleet import InMemoryEngine, ibgu

GRACE = timedelta(minutes=10)


class PatientDriver(FirmwareDriver):
    """The device tries again by itself when it has failed."""

    tries = False
    """Whether what it does now is such a try."""
    earliest = soak = timedelta()

    def verdict(self, feedback: FeedbackView, action: str, rollout: Rollout) -> Verdict:
        found = super().verdict(feedback, action, rollout)
        if found.kind is VerdictKind.FAILED:
            return replace(found, grace=GRACE)
        tries = self.tries and found.kind is VerdictKind.RUNNING
        return replace(found, undecided=tries, earliest=self.earliest, soak=self.soak)


@dataclass
class Flash:
    engine: InMemoryEngine
    uid: str
    driver: PatientDriver

    @property
    def node(self) -> FirmwareNode:
        found: object = self.engine.spokes["site-1"]
        assert isinstance(found, FirmwareNode)
        return found


@pytest.fixture
def flash() -> Flash:
    driver = PatientDriver()
    engine = InMemoryEngine("site-1", driver=driver, node=FirmwareNode)
    found = Flash(engine, "uid-a", driver)
    found.node.breaks = "no power"
    engine.apply(ibgu("a", "Stage Flash"))
    engine.until(Kind.RUN_ACCEPTED)
    engine.wait(minutes=8)
    member = engine.member("uid-a", 0, "site-1")
    assert (member.reason.kind, member.reason.message) == (ReasonKind.REFUSED, "no power")
    assert member.reason.who is ActingParty.CLUSTER
    return found


def test_a_failure_that_stands_for_its_grace_ends_the_run(flash: Flash) -> None:
    flash.engine.wait(minutes=11)
    member = flash.engine.member(flash.uid, 0, "site-1")
    assert (member.outcome, member.cause) == (Outcome.FAILED, Cause.UPGRADE_FAILED)
    assert member.message == "no power"


def test_a_failure_that_the_cluster_ends_by_itself_is_none(flash: Flash) -> None:
    flash.node.breaks, flash.node.error, flash.node.phase = "", "", "Flashed"
    flash.engine.touch_cluster("site-1")
    flash.engine.wait(minutes=11)
    assert flash.engine.member(flash.uid, 0, "site-1").outcome is Outcome.SUCCEEDED


def test_the_grace_goes_on_while_the_cluster_tries_again(flash: Flash) -> None:
    """Otherwise a failure that comes back with every try would never count."""
    flash.driver.tries = True
    flash.engine.wait(minutes=6)
    flash.node.busy = True
    flash.engine.touch_cluster("site-1")
    flash.engine.wait(minutes=1)
    member = flash.engine.member(flash.uid, 0, "site-1")
    assert (member.reason.kind, member.reason.message) == (ReasonKind.REFUSED, "no power")
    flash.node.busy = False
    flash.engine.touch_cluster("site-1")
    flash.engine.wait(minutes=4)
    assert flash.engine.member(flash.uid, 0, "site-1").outcome is Outcome.FAILED


def test_the_grace_begins_again_with_another_failure(flash: Flash) -> None:
    flash.engine.wait(minutes=6)
    flash.node.busy = True
    flash.engine.touch_cluster("site-1")
    flash.engine.wait(minutes=1)
    flash.node.busy = False
    flash.engine.touch_cluster("site-1")
    flash.engine.wait(minutes=6)
    assert not flash.engine.member(flash.uid, 0, "site-1").finished


def test_a_success_counts_only_once_the_action_may_have_had_its_effect() -> None:
    """Until then the cluster may show its state from before (R7.6)."""
    driver = PatientDriver()
    driver.earliest = GRACE
    engine = InMemoryEngine("site-1", driver=driver, node=FirmwareNode)
    uid = engine.apply(ibgu("a", "Stage"))
    engine.until(Kind.RUN_ACCEPTED)
    engine.wait(minutes=9)
    member = engine.member(uid, 0, "site-1")
    assert (member.finished, member.reason.kind) == (False, ReasonKind.RUNNING)
    engine.wait(minutes=2)
    assert engine.member(uid, 0, "site-1").outcome is Outcome.SUCCEEDED


def test_a_success_that_has_to_last_begins_again_after_a_failure() -> None:
    driver = PatientDriver()
    driver.soak = GRACE
    engine = InMemoryEngine("site-1", driver=driver, node=FirmwareNode)
    uid = engine.apply(ibgu("a", "Stage"))
    engine.until(Kind.RUN_ACCEPTED)
    engine.wait(minutes=9)
    member = engine.member(uid, 0, "site-1")
    assert (member.finished, member.reason.kind) == (False, ReasonKind.SOAKING)
    assert member.reason.until == member.reason.since + GRACE
    node: object = engine.spokes["site-1"]
    assert isinstance(node, FirmwareNode)
    node.busy = True
    engine.touch_cluster("site-1")
    engine.wait(minutes=1)
    assert engine.member(uid, 0, "site-1").reason.kind is ReasonKind.RUNNING
    node.busy = False
    engine.touch_cluster("site-1")
    engine.wait(minutes=9)
    assert engine.member(uid, 0, "site-1").reason.kind is ReasonKind.SOAKING
    engine.wait(minutes=2)
    assert engine.member(uid, 0, "site-1").outcome is Outcome.SUCCEEDED


def away(engine: InMemoryEngine, minutes: int) -> None:
    """Nobody sees the cluster for a while, in which it does something else."""
    found: object = engine.spokes["site-1"]
    assert isinstance(found, FirmwareNode)
    found.busy = True
    engine.now += timedelta(minutes=minutes)
    found.busy = False


def test_a_success_has_to_last_while_somebody_sees_it() -> None:
    driver = PatientDriver()
    driver.soak = GRACE
    engine = InMemoryEngine("site-1", driver=driver, node=FirmwareNode)
    uid = engine.apply(ibgu("a", "Stage"))
    engine.until(Kind.RUN_ACCEPTED)
    while engine.member(uid, 0, "site-1").reason.kind is not ReasonKind.SOAKING:
        engine.wait(seconds=10)
    away(engine, minutes=60)
    engine.restart()
    engine.settle()
    assert not engine.member(uid, 0, "site-1").finished
    engine.wait(minutes=11)
    assert engine.member(uid, 0, "site-1").finished


def test_the_grace_of_a_failure_counts_while_somebody_sees_it(flash: Flash) -> None:
    """The cluster recovered, and has failed again just now."""
    away(flash.engine, minutes=60)
    flash.engine.facts = replace(flash.engine.facts, in_sync_since=flash.engine.now)
    flash.engine.touch_everything()
    flash.engine.settle()
    assert not flash.engine.member(flash.uid, 0, "site-1").finished

"""R10: a payload is applied before Prep is armed, or the run ends before anything is."""

import pytest

from ibgu.core.engine.state.snapshot import PayloadState
from ibgu.core.engine.timing.times import SETTLE
from ibgu.core.model import Cause, Kind, Outcome, ReasonKind, RunResult, RunState
from tests.core.engine.decide.fleet import InMemoryEngine, ibgu


def test_the_payload_is_there_before_prep_is_armed_and_goes_when_prep_has_ended() -> None:
    engine = InMemoryEngine("site-1")
    engine.payload = PayloadState(digest="digest")
    uid = engine.apply(ibgu("a", "Prep Upgrade"))
    engine.until(Kind.RUN_INTENDED)
    assert Kind.RUN_ARMING not in engine.kinds("site-1")
    assert engine.member(uid, 0, "site-1").reason.kind is ReasonKind.PREPARING
    engine.wait(seconds=10)
    assert engine.loads
    engine.wait(minutes=5)
    assert not engine.loads
    assert engine.member(uid, 0, "site-1").completed[0].action == "Prep"


def test_a_payload_that_is_being_written_may_be_on_its_way_out() -> None:
    """The run that it was for was withdrawn, and the next one must not count on it."""
    engine = InMemoryEngine("site-1")
    engine.payload = PayloadState(digest="digest")
    uid = engine.apply(ibgu("a", "Prep"))
    engine.under_way.add((uid, "site-1"))
    engine.wait(seconds=10)
    assert engine.loads
    assert engine.member(uid, 0, "site-1").reason.kind is ReasonKind.PREPARING
    assert Kind.RUN_ARMING not in engine.kinds("site-1")
    engine.under_way.clear()
    engine.touch(uid, "site-1")
    engine.wait(minutes=5)
    assert engine.member(uid, 0, "site-1").outcome is Outcome.SUCCEEDED


@pytest.mark.parametrize("by", ["cluster", "hub"])
def test_a_payload_refused_for_two_minutes_ends_the_run_before_arming(
    by: str,
) -> None:
    engine = InMemoryEngine("site-1")
    engine.payload = PayloadState(digest="digest")
    if by == "cluster":
        engine.bad_payload = "ConfigMap x: namespaces y not found"
    uid = engine.apply(ibgu("a", "Prep"))
    engine.until(Kind.RUN_INTENDED)
    if by == "hub":
        engine.loading.clear()
        engine.payload_refusals[uid, "site-1"] = "ConfigMap x: denied"
        engine.touch(uid, "site-1")
    engine.settle()
    assert engine.member(uid, 0, "site-1").reason.kind is ReasonKind.PAYLOAD_ERROR
    engine.drive(SETTLE)
    member = engine.member(uid, 0, "site-1")
    assert member.cause is Cause.PAYLOAD_REFUSED
    assert member.message.startswith("payload refused: ConfigMap x")
    assert engine.labels["site-1"] == {}
    assert engine.spokes["site-1"].executed == []


def test_a_payload_that_is_applied_in_time_fails_nobody() -> None:
    engine = InMemoryEngine("site-1")
    engine.payload = PayloadState(digest="digest")
    engine.bad_payload = "namespaces openshift-lifecycle-agent not found"
    uid = engine.apply(ibgu("a", "Prep"))
    engine.wait(seconds=100)
    engine.bad_payload = ""
    engine.loads.clear()
    engine.touch(uid, "site-1")
    engine.wait(minutes=5)
    assert engine.member(uid, 0, "site-1").outcome is Outcome.SUCCEEDED


def test_an_unreachable_cluster_gets_nothing_while_its_payload_is_on_the_way() -> None:
    engine = InMemoryEngine("site-1")
    engine.payload = PayloadState(digest="digest")
    uid = engine.apply(ibgu("a", "Prep"))
    engine.until(Kind.RUN_INTENDED)
    engine.spokes["site-1"].dark = True
    engine.touch_cluster("site-1")
    engine.settle()
    assert engine.member(uid, 0, "site-1").reason.kind is ReasonKind.UNREACHABLE
    engine.wait(seconds=61)
    member = engine.member(uid, 0, "site-1")
    assert member.run is not None
    assert (member.run.result, member.run.state) == (RunResult.WITHDRAWN, RunState.ENDED)
    assert Kind.RUN_ARMING not in engine.kinds("site-1")

"""R10: a payload is applied before Prep is armed, or the run ends before anything is."""

import pytest

from ibgu.core.engine.state.snapshot import PayloadState
from ibgu.core.engine.timing.times import SETTLE
from ibgu.core.model import Cause, Kind, Outcome, ReasonKind, RunResult, RunState
from tests.core.engine.decide.fleet import InMemoryEngine, ibgu


def test_the_payload_is_there_before_prep_is_armed_and_goes_when_prep_has_ended() -> None:
    twin = InMemoryEngine("site-1")
    twin.payload = PayloadState(digest="digest")
    uid = twin.apply(ibgu("a", "Prep Upgrade"))
    twin.until(Kind.RUN_INTENDED)
    assert Kind.RUN_ARMING not in twin.kinds("site-1")
    assert twin.member(uid, 0, "site-1").reason.kind is ReasonKind.PREPARING
    twin.wait(seconds=10)
    assert twin.loads
    twin.wait(minutes=5)
    assert not twin.loads
    assert twin.member(uid, 0, "site-1").completed[0].action == "Prep"


def test_a_payload_that_is_being_written_may_be_on_its_way_out() -> None:
    """The run that it was for was withdrawn, and the next one must not count on it."""
    twin = InMemoryEngine("site-1")
    twin.payload = PayloadState(digest="digest")
    uid = twin.apply(ibgu("a", "Prep"))
    twin.under_way.add((uid, "site-1"))
    twin.wait(seconds=10)
    assert twin.loads
    assert twin.member(uid, 0, "site-1").reason.kind is ReasonKind.PREPARING
    assert Kind.RUN_ARMING not in twin.kinds("site-1")
    twin.under_way.clear()
    twin.touch(uid, "site-1")
    twin.wait(minutes=5)
    assert twin.member(uid, 0, "site-1").outcome is Outcome.SUCCEEDED


@pytest.mark.parametrize("by", ["cluster", "hub"])
def test_a_payload_refused_for_two_minutes_ends_the_run_before_arming(
    by: str,
) -> None:
    twin = InMemoryEngine("site-1")
    twin.payload = PayloadState(digest="digest")
    if by == "cluster":
        twin.bad_payload = "ConfigMap x: namespaces y not found"
    uid = twin.apply(ibgu("a", "Prep"))
    twin.until(Kind.RUN_INTENDED)
    if by == "hub":
        twin.loading.clear()
        twin.payload_refusals[uid, "site-1"] = "ConfigMap x: denied"
        twin.touch(uid, "site-1")
    twin.settle()
    assert twin.member(uid, 0, "site-1").reason.kind is ReasonKind.PAYLOAD_ERROR
    twin.drive(SETTLE)
    member = twin.member(uid, 0, "site-1")
    assert member.cause is Cause.PAYLOAD_REFUSED
    assert member.message.startswith("payload refused: ConfigMap x")
    assert twin.labels["site-1"] == {}
    assert twin.spokes["site-1"].executed == []


def test_a_payload_that_is_applied_in_time_fails_nobody() -> None:
    twin = InMemoryEngine("site-1")
    twin.payload = PayloadState(digest="digest")
    twin.bad_payload = "namespaces openshift-lifecycle-agent not found"
    uid = twin.apply(ibgu("a", "Prep"))
    twin.wait(seconds=100)
    twin.bad_payload = ""
    twin.loads.clear()
    twin.touch(uid, "site-1")
    twin.wait(minutes=5)
    assert twin.member(uid, 0, "site-1").outcome is Outcome.SUCCEEDED


def test_an_unreachable_cluster_gets_nothing_while_its_payload_is_on_the_way() -> None:
    twin = InMemoryEngine("site-1")
    twin.payload = PayloadState(digest="digest")
    uid = twin.apply(ibgu("a", "Prep"))
    twin.until(Kind.RUN_INTENDED)
    twin.spokes["site-1"].dark = True
    twin.touch_cluster("site-1")
    twin.settle()
    assert twin.member(uid, 0, "site-1").reason.kind is ReasonKind.UNREACHABLE
    twin.wait(seconds=61)
    member = twin.member(uid, 0, "site-1")
    assert member.run is not None
    assert (member.run.result, member.run.state) == (RunResult.WITHDRAWN, RunState.ENDED)
    assert Kind.RUN_ARMING not in twin.kinds("site-1")

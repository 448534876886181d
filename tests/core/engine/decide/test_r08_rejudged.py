"""R8: between the probe and the write there may be minutes, after which the probe is outdated."""

import pytest
from msgspec.structs import replace

from ibgu.core.drivers.ibu.actions import Stage
from ibgu.core.engine.state.snapshot import PayloadState
from ibgu.core.engine.timing.times import ACCEPT_TIMEOUT
from ibgu.core.model import Kind, OnMember, Outcome, ReasonKind, RunResult
from tests.core.engine.decide.arming import arming, run_of
from tests.core.engine.decide.fleet import InMemoryEngine, ibgu


def kept(step: str, *stages: str) -> tuple[InMemoryEngine, str]:
    """An arming that the hub refuses because a right is missing, on a cluster in that state."""
    twin = InMemoryEngine("site-1")
    for stage in stages:
        twin.spokes["site-1"].to(stage)
        twin.labels["site-1"][f"lcm.openshift.io/ibgu-{stage.lower()}-completed"] = ""
    uid = twin.apply(ibgu("a", step))
    twin.until(Kind.RUN_ARMING)
    twin.forbidden = True
    twin.wait(minutes=5)
    assert twin.member(uid, 0, "site-1").reason.kind is ReasonKind.FORBIDDEN
    return twin, uid


def by_hand(twin: InMemoryEngine, *stages: str) -> None:
    for stage in stages:
        assert twin.spokes["site-1"].ask(Stage(stage), "", ("quay.io/seed:other", "4.19.0"))
        twin.wait(minutes=3 if stage is not stages[-1] else 0)


def test_a_finalize_does_not_abort_what_was_begun_by_hand_meanwhile() -> None:
    twin, uid = kept("FinalizeUpgrade", "Prep", "Upgrade")
    spoke = twin.spokes["site-1"]
    spoke.faults[Stage.PREP] = "hang"
    by_hand(twin, "Idle", "Prep")
    spoke.executed.clear()
    twin.allow()
    twin.wait(seconds=30)
    assert spoke.stage is Stage.PREP
    assert spoke.executed == []
    assert twin.member(uid, 0, "site-1").reason.kind is ReasonKind.BUSY


def test_an_action_done_by_hand_before_the_write_is_not_repeated() -> None:
    twin, uid = kept("Prep")
    twin.spokes["site-1"].to("Prep")
    twin.wait(minutes=1)
    twin.allow()
    twin.wait(minutes=1)
    member = twin.member(uid, 0, "site-1")
    assert member.outcome is Outcome.SUCCEEDED
    assert member.completed[0].note.startswith("was already")
    assert twin.spokes["site-1"].executed == []


def test_an_action_that_still_applies_is_sent_with_the_same_run() -> None:
    twin, uid = kept("Prep")
    run = run_of(twin, uid)
    twin.allow()
    twin.wait(minutes=5)
    assert twin.spokes["site-1"].executed == [(run.id, Stage.PREP)]


def test_a_work_that_is_gone_is_not_made_armed() -> None:
    """Nobody knows any more what the cluster is like: it is probed first."""
    twin, uid = arming()
    twin.writes.clear()
    del twin.works[uid, "site-1"]
    twin.touch(uid, "site-1")
    twin.turn()
    assert run_of(twin, uid).result is RunResult.WITHDRAWN
    assert "probe the cluster again" in run_of(twin, uid).message
    twin.wait(minutes=5)
    assert twin.member(uid, 0, "site-1").outcome is Outcome.SUCCEEDED


@pytest.mark.parametrize("hand", [True, False])
def test_a_prep_that_waited_for_its_payload_is_judged_again(*, hand: bool) -> None:
    twin = InMemoryEngine("site-1")
    twin.payload = PayloadState(digest="digest")
    uid = twin.apply(ibgu("a", "Prep"))
    twin.under_way.add((uid, "site-1"))
    twin.wait(seconds=10)
    spoke = twin.spokes["site-1"]
    if hand:
        spoke.faults[Stage.PREP] = "hang"
        by_hand(twin, "Prep")
        twin.wait(seconds=10)
        spoke.executed.clear()
    twin.under_way.clear()
    twin.touch(uid, "site-1")
    twin.wait(seconds=30)
    assert (Kind.RUN_ARMING in twin.kinds("site-1")) is not hand
    assert bool(spoke.executed) is not hand


def test_feedback_that_is_not_settled_is_waited_for_a_minute() -> None:
    """A flap of a moment takes nobody's slot."""
    twin = InMemoryEngine("site-1")
    twin.payload = PayloadState(digest="digest")
    uid = twin.apply(ibgu("a", "Prep"))
    twin.under_way.add((uid, "site-1"))
    twin.wait(seconds=10)
    twin.under_way.clear()
    work = twin.observe(uid, "site-1").stage
    assert work is not None
    [said] = twin.ask(uid, "site-1", stage=replace(work, applied=False))
    assert isinstance(said, OnMember)
    assert said.why == "waits for feedback before Prep"
    twin.now += ACCEPT_TIMEOUT
    said, *_ = twin.ask(uid, "site-1", stage=replace(work, applied=False))
    assert isinstance(said, OnMember)
    assert said.kind is Kind.RUN_ENDED

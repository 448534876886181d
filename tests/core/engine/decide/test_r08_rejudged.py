"""R8: between the probe and the write there may be minutes, after which the probe is outdated."""

from collections.abc import Callable
from itertools import product

import pytest
from msgspec.structs import replace

from ibgu.core.drivers.ibu.actions import Stage
from ibgu.core.engine.state.snapshot import PayloadState
from ibgu.core.engine.timing.times import ACCEPT_TIMEOUT
from ibgu.core.model import (
    Ended,
    Intended,
    Kind,
    OnMember,
    Outcome,
    ReasonKind,
    RunResult,
)
from ibgu.core.model.kinds import LabelSelector
from ibgu.core.model.names import HOLD
from ibgu.core.plan import Scope
from tests.core.engine.decide.arming import arming, run_of
from tests.core.engine.decide.fleet import InMemoryEngine, ibgu
from tests.core.engine.gates.policies.policy import policy, set_policies


def kept(step: str, *stages: str) -> tuple[InMemoryEngine, str]:
    """An arming that the hub refuses because a right is missing, on a cluster in that state."""
    engine = InMemoryEngine("site-1")
    for stage in stages:
        engine.spokes["site-1"].to(stage)
        engine.labels["site-1"][f"lcm.openshift.io/ibgu-{stage.lower()}-completed"] = ""
    uid = engine.apply(ibgu("a", step))
    engine.until(Kind.RUN_ARMING)
    engine.forbidden = True
    engine.wait(minutes=5)
    assert engine.member(uid, 0, "site-1").reason.kind is ReasonKind.FORBIDDEN
    return engine, uid


def by_hand(engine: InMemoryEngine, *stages: str) -> None:
    for stage in stages:
        assert engine.spokes["site-1"].ask(Stage(stage), "", ("quay.io/seed:other", "4.19.0"))
        engine.wait(minutes=3 if stage is not stages[-1] else 0)


def test_a_finalize_does_not_abort_what_was_begun_by_hand_meanwhile() -> None:
    engine, uid = kept("FinalizeUpgrade", "Prep", "Upgrade")
    spoke = engine.spokes["site-1"]
    spoke.faults[Stage.PREP] = "hang"
    by_hand(engine, "Idle", "Prep")
    spoke.executed.clear()
    engine.allow()
    engine.wait(seconds=30)
    assert spoke.stage is Stage.PREP
    assert spoke.executed == []
    assert engine.member(uid, 0, "site-1").reason.kind is ReasonKind.BUSY


def test_an_action_done_by_hand_before_the_write_is_not_repeated() -> None:
    engine, uid = kept("Prep")
    engine.spokes["site-1"].to("Prep")
    engine.wait(minutes=1)
    engine.allow()
    engine.wait(minutes=1)
    member = engine.member(uid, 0, "site-1")
    assert member.outcome is Outcome.SUCCEEDED
    assert member.completed[0].note.startswith("was already")
    assert engine.spokes["site-1"].executed == []


def test_an_action_that_still_applies_is_sent_with_the_same_run() -> None:
    engine, uid = kept("Prep")
    run = run_of(engine, uid)
    engine.allow()
    engine.wait(minutes=5)
    assert engine.spokes["site-1"].executed == [(run.id, Stage.PREP)]


def test_a_work_that_is_gone_is_not_made_armed() -> None:
    """Nobody knows any more what the cluster is like: it is probed first."""
    engine, uid = arming()
    engine.writes.clear()
    del engine.works[uid, "site-1"]
    engine.touch(uid, "site-1")
    engine.turn()
    assert run_of(engine, uid).result is RunResult.WITHDRAWN
    assert "probe the cluster again" in run_of(engine, uid).message
    engine.wait(minutes=5)
    assert engine.member(uid, 0, "site-1").outcome is Outcome.SUCCEEDED


@pytest.mark.parametrize("hand", [True, False])
def test_a_prep_that_waited_for_its_payload_is_judged_again(*, hand: bool) -> None:
    engine = InMemoryEngine("site-1")
    engine.payload = PayloadState(digest="digest")
    uid = engine.apply(ibgu("a", "Prep"))
    engine.under_way.add((uid, "site-1"))
    engine.wait(seconds=10)
    spoke = engine.spokes["site-1"]
    if hand:
        spoke.faults[Stage.PREP] = "hang"
        by_hand(engine, "Prep")
        engine.wait(seconds=10)
        spoke.executed.clear()
    engine.under_way.clear()
    engine.touch(uid, "site-1")
    engine.wait(seconds=30)
    assert (Kind.RUN_ARMING in engine.kinds("site-1")) is not hand
    assert bool(spoke.executed) is not hand


def test_feedback_that_is_not_settled_is_waited_for_a_minute() -> None:
    """A flap of a moment takes nobody's slot."""
    engine = InMemoryEngine("site-1")
    engine.payload = PayloadState(digest="digest")
    uid = engine.apply(ibgu("a", "Prep"))
    engine.under_way.add((uid, "site-1"))
    engine.wait(seconds=10)
    engine.under_way.clear()
    work = engine.observe(uid, "site-1").stage
    assert work is not None
    [said] = engine.ask(uid, "site-1", stage=replace(work, applied=False))
    assert isinstance(said, OnMember)
    assert said.why == "waits for feedback before Prep"
    engine.now += ACCEPT_TIMEOUT
    said, *_ = engine.ask(uid, "site-1", stage=replace(work, applied=False))
    assert isinstance(said, OnMember)
    assert said.kind is Kind.RUN_ENDED


def held_back(way: str) -> InMemoryEngine:
    """An Upgrade that has its slot, and waits for a right that ibgu lacks, on annotations. It is in
    a step of its own, in a chain, or in a chain whose Prep was skipped."""
    engine = InMemoryEngine("site-1")
    if way == "skipped":
        engine.spokes["site-1"].to(Stage.PREP)
        engine.labels["site-1"]["lcm.openshift.io/ibgu-prep-completed"] = ""
    engine.apply(ibgu("a", "Prep", "Upgrade") if way == "step" else ibgu("a", "Prep Upgrade"))
    before = {"step": Kind.STEP_FINISHED, "chain": Kind.RUN_ENDED, "skipped": Kind.RUN_INTENDED}
    engine.until(before[way])
    engine.forbidden = True
    engine.wait(minutes=30)
    member = engine.member("uid-a", way == "step", "site-1")
    assert isinstance(member.run, Intended)
    assert member.under_way is (way == "chain")
    return engine


def frozen(engine: InMemoryEngine) -> None:
    freeze = {"from": "2026-01-01T00:00:00Z", "until": "2026-01-05T00:00:00Z"}
    set_policies(engine, policy(freezes=[freeze], actions=["Upgrade"]))


def on_hold(engine: InMemoryEngine) -> None:
    engine.annotations["site-1"][HOLD] = "field-ops"


def paused(engine: InMemoryEngine) -> None:
    engine.annotate("uid-a", pause="x")


def left(engine: InMemoryEngine) -> None:
    engine.scope = Scope("fleet", (LabelSelector({"set": "a"}),))


def unapproved(engine: InMemoryEngine) -> None:
    set_policies(engine, policy(approval={"fourEyes": False}))


ALWAYS, AT_THE_BEGINNING = (frozen, on_hold), (paused, left, unapproved)


@pytest.mark.parametrize(
    ("close", "way"),
    [
        *product(ALWAYS, ("step", "chain", "skipped")),
        *product(AT_THE_BEGINNING, ("step", "skipped")),
    ],
)
def test_a_gate_that_closes_before_the_arming_keeps_the_action(
    close: Callable[[InMemoryEngine], None], way: str
) -> None:
    engine = held_back(way)
    close(engine)
    engine.touch_everything()
    engine.wait(minutes=5)
    engine.allow()
    engine.wait(hours=2)
    assert Stage.UPGRADE not in [stage for _, stage in engine.spokes["site-1"].executed]
    member = engine.member("uid-a", way == "step", "site-1")
    assert isinstance(member.run, Ended)
    assert member.run.result is RunResult.WITHDRAWN
    assert member.run.message.startswith("not armed: ")

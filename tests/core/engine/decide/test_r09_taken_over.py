"""R9: someone else's change ends a run after two minutes, without a label."""

from collections.abc import Callable

import pytest

from ibgu.core.drivers.ibu.actions import Stage
from ibgu.core.engine.timing.times import SETTLE
from ibgu.core.model import Cause, Kind, Outcome, ReasonKind, RunResult, RunState
from tests.core.engine.decide.fleet import InMemoryEngine, ibgu
from tests.core.engine.decide.invariants import Invariants


def accepted(step: str = "Prep") -> tuple[InMemoryEngine, str]:
    twin = InMemoryEngine("site-1")
    Invariants(twin)
    for spoke in twin.spokes.values():
        spoke.faults[Stage.PREP] = "slow"
    uid = twin.apply(ibgu("a", step))
    twin.wait(seconds=30)
    return twin, uid


def other_stage(twin: InMemoryEngine) -> None:
    assert twin.spokes["site-1"].ask(Stage.IDLE, "", ("", ""))


def other_run(twin: InMemoryEngine) -> None:
    twin.spokes["site-1"].run = "somebody-elses"


def no_run(twin: InMemoryEngine) -> None:
    twin.spokes["site-1"].run = ""


def edited(twin: InMemoryEngine) -> None:
    for work in twin.works.values():
        work.edited = True
    twin.touch("uid-a", "site-1")


def deleted(twin: InMemoryEngine) -> None:
    twin.works.clear()
    twin.touch("uid-a", "site-1")


HANDS = [other_stage, other_run, no_run, edited, deleted]


@pytest.mark.parametrize("hand", HANDS)
def test_two_minutes_of_it_end_the_run(hand: Callable[[InMemoryEngine], None]) -> None:
    twin, uid = accepted()
    hand(twin)
    twin.agents()
    twin.wait(seconds=100)
    member = twin.member(uid, 0, "site-1")
    assert member.reason.kind is ReasonKind.DIVERGED
    assert member.run is not None
    assert member.run.open
    twin.drive(SETTLE)
    member = twin.member(uid, 0, "site-1")
    assert (member.outcome, member.cause) == (Outcome.FAILED, Cause.TAKEN_OVER)
    assert "taken over by hand" in member.message
    assert twin.labels["site-1"] == {}


@pytest.mark.parametrize("hand", HANDS)
def test_nothing_is_put_back(hand: Callable[[InMemoryEngine], None]) -> None:
    twin, _uid = accepted()
    hand(twin)
    before = [stage for _, stage in twin.spokes["site-1"].executed]
    twin.wait(hours=1)
    assert [stage for _, stage in twin.spokes["site-1"].executed] == before
    assert not any(work.wanted.armed for work in twin.works.values())


@pytest.mark.parametrize("hand", [edited, deleted])
def test_an_armed_work_that_is_changed_before_the_cluster_takes_it(
    hand: Callable[[InMemoryEngine], None],
) -> None:
    twin = InMemoryEngine("site-1")
    uid = twin.apply(ibgu("a", "Prep"))
    twin.until(Kind.RUN_ARMING)
    twin.frozen.add("site-1")
    twin.settle()
    hand(twin)
    twin.settle()
    assert twin.member(uid, 0, "site-1").reason.kind is ReasonKind.DIVERGED
    twin.drive(SETTLE)
    assert twin.member(uid, 0, "site-1").cause is Cause.TAKEN_OVER
    assert twin.spokes["site-1"].executed == []


def test_an_armed_work_that_lost_its_label_keeps_the_claim_until_it_is_disarmed() -> None:
    """Nobody watches it, and its agent would go on enforcing the stage."""
    twin = InMemoryEngine("site-1")
    uid = twin.apply(ibgu("a", "Prep"))
    twin.until(Kind.RUN_ARMING)
    twin.frozen.add("site-1")
    twin.settle()
    twin.unlabelled_stages.add((uid, "site-1"))
    twin.touch(uid, "site-1")
    twin.until(Kind.RUN_ENDED)
    twin.turn()
    member = twin.member(uid, 0, "site-1")
    assert member.run is not None
    assert not member.run.disarmed
    assert member.reason.kind is ReasonKind.DISARMING
    assert "uid-site-1" in twin.fleet.claims
    twin.settle()
    assert not any(work.wanted.armed for work in twin.works.values())
    assert twin.member(uid, 0, "site-1").cause is Cause.TAKEN_OVER
    twin.frozen.clear()
    twin.drive()
    assert twin.spokes["site-1"].executed == []


def test_the_hub_is_asked_again_by_a_controller_that_has_just_started() -> None:
    twin, uid = accepted()
    twin.unlabelled_stages.add((uid, "site-1"))
    twin.touch(uid, "site-1")
    twin.until(Kind.RUN_ENDED)
    twin.turn()
    twin.restart()
    twin.drive()
    assert twin.unlabelled_stages == set()
    assert twin.member(uid, 0, "site-1").cause is Cause.TAKEN_OVER


def test_a_missing_run_that_returns_within_two_minutes_is_ignored() -> None:
    twin, uid = accepted()
    run = twin.spokes["site-1"].run
    no_run(twin)
    twin.wait(seconds=100)
    twin.spokes["site-1"].run = run
    twin.wait(seconds=10)
    assert twin.member(uid, 0, "site-1").reason.kind is ReasonKind.RUNNING
    twin.wait(hours=2)
    assert twin.member(uid, 0, "site-1").outcome is Outcome.SUCCEEDED


def test_a_write_of_our_own_on_its_way_is_no_other_hand() -> None:
    twin, uid = accepted()
    assert twin.ask(uid, "site-1", stage=None, writing=True) == []
    assert twin.ask(uid, "site-1", stage=None, writing=False) != []


def test_an_unreachable_cluster_is_not_observed() -> None:
    twin, uid = accepted()
    no_run(twin)
    twin.agents()
    twin.wait(seconds=60)
    twin.spokes["site-1"].dark = True
    twin.touch_cluster("site-1")
    twin.wait(minutes=10)
    member = twin.member(uid, 0, "site-1")
    assert member.run is not None
    assert member.run.open
    assert member.reason.kind is ReasonKind.UNREACHABLE


@pytest.mark.parametrize(("earlier", "taken"), [(True, False), (False, True)])
def test_an_earlier_run_of_ours_is_not_foreign_during_an_upgrade(
    earlier: bool, taken: bool
) -> None:
    """The old etcd shows it until the Lifecycle Agent restores the object."""
    twin = InMemoryEngine("site-1")
    uid = twin.apply(ibgu("a", "Prep Upgrade"))
    twin.wait(seconds=70)
    spoke = twin.spokes["site-1"]
    now = twin.member(uid, 0, "site-1").run
    assert now is not None
    assert now.state is RunState.ACCEPTED
    first = next(run for run, stage in spoke.executed if stage is Stage.PREP)
    spoke.stage, spoke.run = Stage.PREP, first if earlier else "unknown"
    spoke._script.clear()
    twin.wait(minutes=5)
    run = twin.member(uid, 0, "site-1").run
    assert run is not None
    assert (run.result is RunResult.TAKEN_OVER) == taken


def test_an_armed_work_is_no_sign_of_a_hand() -> None:
    twin = InMemoryEngine("site-1")
    uid = twin.apply(ibgu("a", "Prep"))
    twin.until(Kind.RUN_ARMING)
    twin.frozen.add("site-1")
    twin.settle()
    assert twin.ask(uid, "site-1", stage=None, writing=True) == []

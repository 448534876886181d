"""R9: someone else's change ends a run after two minutes, without a label."""

from collections.abc import Callable
from typing import Any

import pytest

from ibgu.core.drivers.cluster_version.driver import CLUSTER_VERSION
from ibgu.core.drivers.ibu.actions import Action, Stage
from ibgu.core.engine.decide.member import accepted as accepted_runs
from ibgu.core.engine.timing.times import SETTLE
from ibgu.core.model import Cause, Kind, Outcome, ReasonKind, RunResult, RunState
from tests.core.drivers.cluster_version.version_node import VersionNode
from tests.core.engine.decide.fleet import InMemoryEngine, ibgu
from tests.core.engine.decide.invariants import Invariants
from tests.core.engine.decide.test_r47_jobs import UID, saved
from tests.oracle.logs import certify, log_of, told


def accepted(step: str = "Prep") -> tuple[InMemoryEngine, str]:
    engine = InMemoryEngine("site-1")
    Invariants(engine)
    for spoke in engine.spokes.values():
        spoke.faults[Stage.PREP] = "slow"
    uid = engine.apply(ibgu("a", step))
    engine.wait(seconds=30)
    return engine, uid


def other_stage(engine: InMemoryEngine) -> None:
    assert engine.spokes["site-1"].ask(Stage.IDLE, "", ("", ""))


def other_run(engine: InMemoryEngine) -> None:
    engine.spokes["site-1"].run = "somebody-elses"


def no_run(engine: InMemoryEngine) -> None:
    engine.spokes["site-1"].run = ""


def edited(engine: InMemoryEngine) -> None:
    for work in engine.works.values():
        work.edited = True
    engine.touch("uid-a", "site-1")


def deleted(engine: InMemoryEngine) -> None:
    engine.works.clear()
    engine.touch("uid-a", "site-1")


HANDS = [other_stage, other_run, no_run, edited, deleted]


@pytest.mark.parametrize("hand", HANDS)
def test_two_minutes_of_it_end_the_run(hand: Callable[[InMemoryEngine], None]) -> None:
    engine, uid = accepted()
    hand(engine)
    engine.agents()
    engine.wait(seconds=100)
    member = engine.member(uid, 0, "site-1")
    assert member.reason.kind is ReasonKind.DIVERGED
    assert member.run is not None
    assert member.run.open
    engine.drive(SETTLE)
    member = engine.member(uid, 0, "site-1")
    assert (member.outcome, member.cause) == (Outcome.FAILED, Cause.TAKEN_OVER)
    assert "taken over by hand" in member.message
    assert engine.labels["site-1"] == {}


@pytest.mark.parametrize("hand", HANDS)
def test_nothing_is_put_back(hand: Callable[[InMemoryEngine], None]) -> None:
    engine, _uid = accepted()
    hand(engine)
    before = [stage for _, stage in engine.spokes["site-1"].executed]
    engine.wait(hours=1)
    assert [stage for _, stage in engine.spokes["site-1"].executed] == before
    assert not any(work.wanted.armed for work in engine.works.values())


@pytest.mark.parametrize("hand", [edited, deleted])
def test_an_armed_work_that_is_changed_before_the_cluster_takes_it(
    hand: Callable[[InMemoryEngine], None],
) -> None:
    engine = InMemoryEngine("site-1")
    uid = engine.apply(ibgu("a", "Prep"))
    engine.until(Kind.RUN_ARMING)
    engine.frozen.add("site-1")
    engine.settle()
    hand(engine)
    engine.settle()
    assert engine.member(uid, 0, "site-1").reason.kind is ReasonKind.DIVERGED
    engine.drive(SETTLE)
    assert engine.member(uid, 0, "site-1").cause is Cause.TAKEN_OVER
    assert engine.spokes["site-1"].executed == []


def test_a_work_that_lost_its_label_keeps_the_claim_until_it_is_disarmed() -> None:
    """Nobody watches it, and its agent would go on enforcing the stage."""
    engine = InMemoryEngine("site-1")
    uid = engine.apply(ibgu("a", "Prep"))
    engine.until(Kind.RUN_ARMING)
    engine.frozen.add("site-1")
    engine.settle()
    engine.unlabelled_stages.add((uid, "site-1"))
    engine.touch(uid, "site-1")
    engine.until(Kind.RUN_ENDED)
    engine.turn()
    member = engine.member(uid, 0, "site-1")
    assert member.run is not None
    assert not member.run.disarmed
    assert member.reason.kind is ReasonKind.DISARMING
    assert "uid-site-1" in engine.fleet.claims
    engine.settle()
    assert not any(work.wanted.armed for work in engine.works.values())
    assert engine.member(uid, 0, "site-1").cause is Cause.TAKEN_OVER
    engine.frozen.clear()
    engine.drive()
    assert engine.spokes["site-1"].executed == []


def test_the_hub_is_asked_again_by_a_controller_that_has_just_started() -> None:
    engine, uid = accepted()
    engine.unlabelled_stages.add((uid, "site-1"))
    engine.touch(uid, "site-1")
    engine.until(Kind.RUN_ENDED)
    engine.turn()
    engine.restart()
    engine.drive()
    assert engine.unlabelled_stages == set()
    assert engine.member(uid, 0, "site-1").cause is Cause.TAKEN_OVER


def test_a_missing_run_that_returns_within_two_minutes_is_ignored() -> None:
    engine, uid = accepted()
    run = engine.spokes["site-1"].run
    no_run(engine)
    engine.wait(seconds=100)
    engine.spokes["site-1"].run = run
    engine.wait(seconds=10)
    assert engine.member(uid, 0, "site-1").reason.kind is ReasonKind.RUNNING
    engine.wait(hours=2)
    assert engine.member(uid, 0, "site-1").outcome is Outcome.SUCCEEDED


def test_a_write_of_our_own_on_its_way_is_no_other_hand() -> None:
    engine, uid = accepted()
    assert engine.ask(uid, "site-1", stage=None, writing=True) == []
    assert engine.ask(uid, "site-1", stage=None, writing=False) != []


def test_an_unreachable_cluster_is_not_observed() -> None:
    engine, uid = accepted()
    no_run(engine)
    engine.agents()
    engine.wait(seconds=60)
    engine.spokes["site-1"].dark = True
    engine.touch_cluster("site-1")
    engine.wait(minutes=10)
    member = engine.member(uid, 0, "site-1")
    assert member.run is not None
    assert member.run.open
    assert member.reason.kind is ReasonKind.UNREACHABLE


@pytest.mark.parametrize(("earlier", "taken"), [(True, False), (False, True)])
def test_an_earlier_run_of_ours_is_not_foreign_during_an_upgrade(
    earlier: bool, taken: bool
) -> None:
    """The old etcd shows it until the Lifecycle Agent restores the object."""
    engine = InMemoryEngine("site-1")
    uid = engine.apply(ibgu("a", "Prep Upgrade"))
    engine.wait(seconds=70)
    spoke = engine.spokes["site-1"]
    now = engine.member(uid, 0, "site-1").run
    assert now is not None
    assert now.state is RunState.ACCEPTED
    first = next(run for run, stage in spoke.executed if stage is Stage.PREP)
    spoke.stage, spoke.run = Stage.PREP, first if earlier else "unknown"
    spoke._script.clear()
    engine.wait(minutes=5)
    run = engine.member(uid, 0, "site-1").run
    assert run is not None
    assert (run.result is RunResult.TAKEN_OVER) == taken


def restored_after_an_abort() -> tuple[InMemoryEngine, str]:
    """A cluster that its automatic rollback has just brought back takes an Abort, as its old etcd
    shows it before its reboot; then the Lifecycle Agent restores the object."""
    engine = InMemoryEngine("site-1")
    Invariants(engine)
    spoke = engine.spokes["site-1"]
    spoke.to(Stage.PREP)
    engine.labels["site-1"] = {Action.PREP.completed_label: ""}
    spoke.faults[Stage.UPGRADE] = "hang"
    engine.apply(ibgu("a", "Upgrade", age=10))
    engine.until(Kind.RUN_ACCEPTED)
    upgrade = spoke.run
    uid = engine.apply(ibgu("b", "Abort"))
    engine.until(Kind.RUN_ACCEPTED)
    assert spoke.stage is Stage.IDLE
    put_back(engine, upgrade)
    return engine, uid


def put_back(engine: InMemoryEngine, upgrade: str) -> None:
    """The cluster shows its failed Upgrade again, with the run of that."""
    spoke = engine.spokes["site-1"]
    spoke._script.clear()
    spoke.stage, spoke.run, spoke.generation, spoke.observed = Stage.UPGRADE, upgrade, 1, 1
    spoke._fail(Stage.UPGRADE)()
    engine.touch_cluster("site-1")


def test_an_abort_that_the_lifecycle_agent_has_undone_is_tried_again() -> None:
    """Nobody has taken the cluster over."""
    engine, uid = restored_after_an_abort()
    engine.wait(hours=1)
    member = engine.member(uid, 0, "site-1")
    assert (member.outcome, member.attempts) == (Outcome.SUCCEEDED, 2)
    assert engine.spokes["site-1"].stage is Stage.IDLE
    first, _ = (why for why in engine.told(Kind.RUN_ENDED) if "Abort" in why)
    assert "restored its state from before Abort" in first
    assert told(certify(log_of(engine))) == []


def test_an_abort_after_which_a_person_sets_the_stage_again_is_taken_over() -> None:
    """The object keeps the run of the Abort."""
    engine, uid = restored_after_an_abort()
    run = engine.member(uid, 0, "site-1").run
    assert run is not None
    engine.spokes["site-1"].run = run.id
    engine.wait(hours=1)
    assert engine.member(uid, 0, "site-1").cause is Cause.TAKEN_OVER


def test_an_object_that_is_put_back_again_and_again_is_taken_over(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """An agent on the cluster enforces a copy of it."""
    monkeypatch.setattr(accepted_runs, "MAX_RUNS", 3)
    engine, uid = restored_after_an_abort()
    upgrade = engine.spokes["site-1"].run
    for _ in range(2):
        engine.until(Kind.RUN_ACCEPTED)
        put_back(engine, upgrade)
    engine.wait(hours=1)
    member = engine.member(uid, 0, "site-1")
    assert (member.cause, member.attempts) == (Cause.TAKEN_OVER, 3)


def restored_while_withdrawn() -> InMemoryEngine:
    """A person restores a cluster whose update is being withdrawn from the backup before it."""
    engine = InMemoryEngine("site-1", driver=CLUSTER_VERSION, node=VersionNode)
    Invariants(engine)
    node: Any = engine.spokes["site-1"]
    node.signed = False
    engine.apply(saved("Backup Update", "Retract"))
    engine.until(Kind.FINISHED)
    engine.until(Kind.RUN_ACCEPTED)
    node._script.clear()
    (node.run, node.stage), *_ = node.executed
    engine.touch_cluster("site-1")
    engine.wait(hours=1)
    return engine


def test_an_update_that_a_person_restores_while_it_is_withdrawn_is_taken_over() -> None:
    """No automatic rollback restores a ClusterVersion: it was the backup, with the run of that."""
    engine = restored_while_withdrawn()
    assert engine.member(UID, 1, "site-1").cause is Cause.TAKEN_OVER


def test_an_armed_work_is_no_sign_of_a_hand() -> None:
    engine = InMemoryEngine("site-1")
    uid = engine.apply(ibgu("a", "Prep"))
    engine.until(Kind.RUN_ARMING)
    engine.frozen.add("site-1")
    engine.settle()
    assert engine.ask(uid, "site-1", stage=None, writing=True) == []

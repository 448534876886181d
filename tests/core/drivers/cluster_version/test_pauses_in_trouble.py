"""Pauses of an update, while people, clusters and the hub get in the way."""

from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest
from msgspec.structs import replace

from ibgu.core.drivers.cluster_version.driver import CLUSTER_VERSION
from ibgu.core.engine.decide.member import accepted
from ibgu.core.engine.works import DesiredWork
from ibgu.core.engine.works.trace import Trace
from ibgu.core.model import Cause, Decision, Kind, OnRollout, Outcome, ReasonKind
from ibgu.core.model.kinds import Pauses
from ibgu.core.recover import FoundRollout, paused_again
from ibgu.core.recover.former_status import FormerStatus
from tests.core.drivers.cluster_version.test_pauses_in_the_engine import (
    CHECK,
    PAUSES,
    UID,
    member,
    pausing,
    spoke,
)
from tests.core.drivers.cluster_version.test_update_in_the_engine import fleet_update
from tests.core.drivers.cluster_version.version_node import MINUTE, VersionNode
from tests.core.drivers.cluster_version.version_samples import NEW
from tests.core.engine.decide.fleet import InMemoryEngine
from tests.core.engine.decide.invariants import Invariants

EVERYTHING = {"canary", "worker", CHECK}


@pytest.fixture
def engine() -> Iterator[InMemoryEngine]:
    engine = InMemoryEngine("site-1", driver=CLUSTER_VERSION, node=VersionNode)
    spoke(engine).pools = ["canary", "worker"]
    spoke(engine).checks = [CHECK]
    Invariants(engine)
    yield engine
    assert UID not in spoke(engine).paused.values()


def paused(engine: InMemoryEngine) -> set[str]:
    return set(spoke(engine).paused)


def another(engine: InMemoryEngine, action: str) -> None:
    """Applies a newer FleetUpdate for the same cluster."""
    other = fleet_update(action, concurrency=1)
    created = (engine.now + timedelta(seconds=1)).isoformat()
    meta = replace(other.metadata, name="y", uid="uid-y", creation_timestamp=created)
    engine.apply(replace(other, metadata=meta))


def until_asked(engine: InMemoryEngine) -> None:
    """Goes on until the cluster was asked for the release, and has not begun with it."""
    while spoke(engine).wanted == "":
        engine.step()
    assert not spoke(engine).started


def test_a_pause_that_was_never_reported_is_resumed(engine: InMemoryEngine) -> None:
    """The agent pauses, and is away before it reports; the rollout is deleted meanwhile."""
    engine.apply(pausing("Update", "Pools"))
    engine.until(Kind.RUN_ARMING)
    engine.muted.add("site-1")
    engine.wait(minutes=5)
    assert paused(engine) == EVERYTHING
    spoke(engine).dark = True
    engine.muted.discard("site-1")
    engine.touch_cluster("site-1")
    engine.delete(UID)
    engine.wait(hours=30)
    spoke(engine).dark = False
    engine.touch_cluster("site-1")
    engine.until(Kind.RESUMED)


def test_a_work_that_somebody_has_deleted_is_made_again_to_resume(engine: InMemoryEngine) -> None:
    engine.apply(pausing("Update", "Pools"))
    engine.until(Kind.STEP_FINISHED)
    engine.works.pop((UID, "site-1"))
    engine.touch_cluster("site-1")
    engine.delete(UID)
    engine.wait(hours=30)
    assert paused(engine) == set()


def test_a_restored_hub_reads_the_cluster_before_it_resumes(engine: InMemoryEngine) -> None:
    engine.apply(pausing("Update"))
    engine.until(Kind.RESUME_DUE)
    engine.frozen.add("site-1")
    engine.wait(minutes=1)
    restored = replace(engine.tracked(UID).rollout, restore="restore-1")
    decision = OnRollout(Kind.IMPORTED, restored, "the hub was restored")
    engine._take(decision, [])
    engine.records.write(decision)
    engine.frozen.discard("site-1")
    engine.restart()
    engine.until(Kind.RESUMED)


def test_pools_that_a_restored_hub_pauses_again_are_resumed(engine: InMemoryEngine) -> None:
    """The backup is of the moment at which the work was armed, and the agent is quicker than
    ibgu."""
    engine.apply(pausing("Update Pools"))
    engine.until(Kind.RUN_ACCEPTED)
    armed = engine.works[UID, "site-1"].wanted
    engine.until(Kind.ROLLOUT_COMPLETED)
    assert paused(engine) == set()
    restore(engine, armed)
    engine.restart()
    engine.until(Kind.RESUMED)
    assert paused(engine) == set()


def test_a_report_from_before_the_restore_proves_no_end_of_pauses(engine: InMemoryEngine) -> None:
    """The agent has applied the disarmed work, and still shows what the backup had."""
    engine.apply(pausing("Update Pools"))
    engine.until(Kind.RUN_ACCEPTED)
    armed = engine.works[UID, "site-1"].wanted
    engine.until(Kind.ROLLOUT_COMPLETED)
    work = engine.works[UID, "site-1"]
    restore(engine, armed)
    engine.muted.add("site-1")
    engine.restart()
    while work.wanted.restore != "restore-1":
        engine.step()
    work.applied = work.generation
    engine.touch_cluster("site-1")
    engine.settle()
    assert len(engine.told(Kind.RESUMED)) == 1
    engine.muted.clear()
    engine.touch_cluster("site-1")
    engine.until(Kind.RESUMED)
    assert paused(engine) == set()


def restore(engine: InMemoryEngine, armed: DesiredWork) -> None:
    """Brings the work back as it was, which the agent applies before ibgu sees it."""
    work, node = engine.works[UID, "site-1"], spoke(engine)
    work.wanted = armed
    work.generation = work.taken = work.applied = work.generation + 1
    node.paused = dict.fromkeys(sorted(EVERYTHING), UID)
    tracked, found = engine.tracked(UID), engine.ibgus[UID]
    trace = Trace(
        cluster="site-1",
        work=work.view(),
        action="Update",
        attempt=1,
        started=engine.now,
        limit=None,
        outcome=None,
    )
    shown = FoundRollout(found, [], FormerStatus(), {"site-1": trace}, engine.cluster)
    marked = replace(tracked.rollout, restore="restore-1")
    decisions: list[Decision] = [
        OnRollout(Kind.IMPORTED, marked, "the hub was restored"),
        *paused_again(CLUSTER_VERSION, tracked, shown, engine.now),
    ]
    for decision in decisions:
        engine._take(decision, [])
        engine.records.write(decision)


def test_an_update_that_was_asked_for_is_not_resumed_before_it_has_begun(
    engine: InMemoryEngine,
) -> None:
    """Otherwise it would roll all pools at once."""
    engine.apply(pausing("Update", "Pools"))
    until_asked(engine)
    engine.delete(UID)
    engine.wait(minutes=2)
    assert paused(engine) == EVERYTHING
    engine.until(Kind.RESUMED)
    assert spoke(engine).completed


def test_a_withdrawal_takes_the_cluster_before_everything_is_resumed(
    engine: InMemoryEngine,
) -> None:
    """An older rollout asks for the release, and a newer one withdraws that in time."""
    engine.apply(pausing("Update Pools"))
    until_asked(engine)
    another(engine, "Retract")
    engine.until(Kind.RESUMED)
    engine.drive()
    assert not spoke(engine).started
    assert engine.member("uid-y", 0, "site-1").outcome is Outcome.SUCCEEDED


def test_another_rollout_waits_while_the_next_step_waits(engine: InMemoryEngine) -> None:
    engine.apply(pausing("Update", "Pools"))
    engine.until(Kind.JOINED)
    while not engine.tracked(UID).steps[1:]:
        engine.step()
    engine.annotate(UID, pause="1")
    another(engine, "Check")
    engine.wait(minutes=30)
    waits = engine.member("uid-y", 0, "site-1").reason
    assert (waits.kind, paused(engine)) == (ReasonKind.CLAIM, EVERYTHING)
    engine.delete(UID)
    engine.drive()
    assert engine.member("uid-y", 0, "site-1").outcome is Outcome.SUCCEEDED


def test_a_pool_that_settles_late_is_not_all_of_them(engine: InMemoryEngine) -> None:
    """The first run of Pools ends by its limit; its pool settles afterwards."""
    engine.apply(pausing("Update", "Pools"))
    engine.until(Kind.STEP_FINISHED)
    engine.until(Kind.RUN_ACCEPTED)
    assert "canary" not in paused(engine)
    engine.frozen.add("site-1")
    engine.wait(hours=6)
    engine.frozen.discard("site-1")
    engine.agents()
    engine.frozen.add("site-1")
    engine.wait(hours=2)
    assert member(engine, 1).late == ""
    engine.frozen.discard("site-1")
    engine.touch_cluster("site-1")
    engine.until(Kind.RESUMED)


def test_pauses_that_show_late_are_no_update(engine: InMemoryEngine) -> None:
    engine.apply(pausing("Update Pools"))
    engine.until(Kind.RUN_ARMING)
    engine.muted.add("site-1")
    engine.wait(hours=6)
    engine.muted.discard("site-1")
    engine.touch_cluster("site-1")
    engine.until(Kind.RESUMED)
    assert (member(engine).late, spoke(engine).wanted) == ("", "")


def test_a_cluster_that_is_imported_again_is_resumed(engine: InMemoryEngine) -> None:
    """Another ManagedCluster stands for the same cluster."""
    engine.apply(pausing("Update", "Pools"))
    engine.until(Kind.STEP_FINISHED)
    spoke(engine).uid = "uid-new"
    engine.touch_cluster("site-1")
    engine.until(Kind.RESUMED)


def test_pauses_that_somebody_undoes_again_and_again_end_the_action(
    engine: InMemoryEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(accepted, "MAX_RUNS", 1)
    engine.apply(pausing("Update Pools"))
    engine.drive()
    assert member(engine).cause is Cause.WRONG_STATE
    assert member(engine).message.startswith("after 1 runs Update is not done; the last one has ")
    assert spoke(engine).wanted == ""


def until_resumed(engine: InMemoryEngine, *names: str) -> datetime:
    while not paused(engine).isdisjoint(names):
        engine.wait(minutes=1)
    return engine.now


def test_a_broken_canary_pool_keeps_the_others_from_the_release(engine: InMemoryEngine) -> None:
    engine.apply(pausing("Update", "Pools"))
    engine.until(Kind.STEP_FINISHED)
    spoke(engine).breaks = {"canary"}
    until_resumed(engine, "canary")
    engine.wait(hours=3)
    assert member(engine, 1).cause is Cause.POOLS_FAILED
    assert paused(engine) == {"worker", CHECK}
    spoke(engine).breaks = set()
    engine.touch_cluster("site-1")
    engine.until(Kind.RESUMED)


def test_pools_waits_while_a_cluster_is_unwell_that_has_its_release(engine: InMemoryEngine) -> None:
    """The pool that broke was not paused, or resumed before: the others were rebooted all the
    same."""
    engine.apply(pausing("Update", "Pools", pauses=Pauses(pools=["worker"], health_checks=[CHECK])))
    engine.until(Kind.STEP_FINISHED)
    assert paused(engine) == {"worker", CHECK}
    spoke(engine).breaks = {"canary"}
    engine.touch_cluster("site-1")
    engine.wait(hours=2)
    assert paused(engine) == {"worker", CHECK}
    assert "pool canary is degraded" in engine.member(UID, 1, "site-1").reason.message
    spoke(engine).breaks = set()
    engine.touch_cluster("site-1")
    engine.wait(hours=2)
    assert member(engine, 1).outcome is Outcome.SUCCEEDED


@pytest.mark.parametrize("trouble", ["pool", "operator"])
def test_the_next_pool_waits_while_one_before_it_is_unwell(
    engine: InMemoryEngine, trouble: str
) -> None:
    spoke(engine).pools = ["canary", "rest", "worker"]
    pools = Pauses(pools=["canary", "rest", "worker"])
    engine.apply(pausing("Update", "Pools", pauses=pools))
    engine.until(Kind.STEP_FINISHED)
    while "rest" in paused(engine):
        engine.step()
    if trouble == "pool":
        spoke(engine).breaks = {"canary"}
    else:
        spoke(engine).failing = True
    engine.touch_cluster("site-1")
    engine.wait(hours=1)
    assert paused(engine) == {"worker"}
    spoke(engine).breaks, spoke(engine).failing = set(), False
    engine.touch_cluster("site-1")
    until_resumed(engine, "worker")


def test_a_pool_that_stays_degraded_keeps_the_others_for_a_day(engine: InMemoryEngine) -> None:
    engine.apply(pausing("Update", "Pools"))
    engine.until(Kind.STEP_FINISHED)
    spoke(engine).breaks = {"canary"}
    began = until_resumed(engine, "canary")
    assert timedelta(hours=24) < until_resumed(engine, "worker") - began < timedelta(hours=25)


def test_a_deleted_rollout_resumes_all_in_spite_of_a_broken_pool(engine: InMemoryEngine) -> None:
    engine.apply(pausing("Update", "Pools"))
    engine.until(Kind.STEP_FINISHED)
    spoke(engine).breaks = {"canary"}
    until_resumed(engine, "canary")
    engine.wait(hours=1)
    engine.delete(UID)
    engine.until(Kind.RESUMED)


@pytest.mark.parametrize(
    "plan",
    [("Update", "Pools"), ("Update", "RetractOnFailure"), ("Update", "Pools", "RetractOnFailure")],
    ids=" | ".join,
)
def test_an_update_whose_time_ends_while_it_soaks_still_has_to_last(
    engine: InMemoryEngine, plan: tuple[str, ...]
) -> None:
    """A RetractOnFailure behind it, which finds nothing to withdraw, does not end that."""
    soaking = pausing(*plan, pauses=replace(PAUSES, soak_minutes=600))
    engine.apply(soaking)
    while not spoke(engine).completed:
        engine.wait(minutes=1)
    completed = engine.now
    assert until_resumed(engine, "canary") - completed >= timedelta(minutes=600)
    assert member(engine).late


@pytest.mark.parametrize("trouble", ["the work is deleted", "the cluster is re-created"])
def test_pools_waits_for_an_update_that_begins_any_moment(
    engine: InMemoryEngine, trouble: str
) -> None:
    """The Update ends without a label for another reason, while the cluster still checks the
    release; the next step takes the cluster."""
    engine.apply(pausing("Update", "Pools"))
    until_asked(engine)
    engine.settle()
    spoke(engine).play([(10 * MINUTE, spoke(engine).look)])
    if trouble == "the work is deleted":
        engine.works.pop((UID, "site-1"))
    else:
        spoke(engine).uid = "uid-new"
    engine.touch_cluster("site-1")
    engine.wait(minutes=9)
    assert paused(engine) == EVERYTHING
    waits = engine.member(UID, 1, "site-1").reason
    assert waits.kind is ReasonKind.BUSY
    assert waits.message.startswith(f"the cluster was asked for {NEW} and has not begun")
    while not spoke(engine).started:
        engine.step()
    assert paused(engine) == EVERYTHING
    engine.until(Kind.RESUMED)
    assert spoke(engine).done


def test_paused_pools_wait_while_another_pool_still_rolls(engine: InMemoryEngine) -> None:
    """The Update's time ends while a pool that is not paused takes the release; it soaks after
    that."""
    spoke(engine).pools = ["canary", "rest", "worker"]
    soaking = pausing("Update", "Pools", pauses=replace(PAUSES, soak_minutes=300))
    plan = [
        replace(item, rollout_strategy=replace(item.rollout_strategy, timeout=50))
        for item in soaking.spec.plan
    ]
    engine.apply(replace(soaking, spec=replace(soaking.spec, plan=plan)))
    engine.until(Kind.STEP_FINISHED)
    assert "waits for the MachineConfigPool rest" in member(engine).message
    while spoke(engine).rolling:
        engine.step()
    settled = engine.now
    assert paused(engine) == EVERYTHING
    assert until_resumed(engine, "canary") - settled >= timedelta(minutes=300)

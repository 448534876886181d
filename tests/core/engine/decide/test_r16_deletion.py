"""R16: a deleted IBGU stops at once, releases everything, and leaves the clusters as they are."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from ibgu.core.drivers.ibu.actions import Stage
from ibgu.core.engine.timing.times import DELETED_WATCH
from ibgu.core.model import (
    Cause,
    Kind,
    MemberState,
    OnMember,
    Outcome,
    ReasonKind,
    RolloutState,
    RunResult,
)
from tests.core.engine.decide.drafts import drafted
from tests.core.engine.decide.fleet import InMemoryEngine, ibgu
from tests.core.engine.decide.invariants import Invariants

PREPARED = {"lcm.openshift.io/ibgu-prep-completed": ""}


def sites(*names: str, plan: str = "Prep", concurrency: int = 1) -> InMemoryEngine:
    engine = InMemoryEngine(*names)
    Invariants(engine)
    for name, spoke in engine.spokes.items():
        if plan.startswith("Upgrade"):
            spoke.to(Stage.PREP)
            engine.labels[name] = dict(PREPARED)
    engine.apply(ibgu("a", plan, concurrency=concurrency))
    return engine


def gone(engine: InMemoryEngine, **time: int) -> Any:
    engine.delete("uid-a")
    engine.wait(**(time or {"minutes": 5}))
    assert engine.tracked("uid-a").rollout.state is RolloutState.DELETED
    assert not engine.fleet.claims
    return engine.member("uid-a", 0, "site-1")


def test_waiting_members_end_as_deleted_and_nothing_new_starts() -> None:
    engine = sites("site-1", "site-2", "site-3")
    engine.wait(seconds=10)
    gone(engine)
    for name in ("site-2", "site-3"):
        member = engine.member("uid-a", 0, name)
        assert (member.outcome, member.cause) == (Outcome.CANCELLED, Cause.DELETED)
        assert engine.spokes[name].executed == []
    assert engine.works == {}
    assert engine.told(Kind.ROLLOUT_DELETED) == ["the ImageBasedGroupUpgrade was deleted"]


@pytest.mark.parametrize(
    "when", [Kind.PROBED, Kind.RUN_INTENDED, Kind.RUN_ARMING, Kind.RUN_ACCEPTED]
)
def test_a_run_ends_in_whatever_state_it_is_and_is_disarmed(when: Kind) -> None:
    engine = sites("site-1")
    engine.until(when)
    member = gone(engine)
    assert (member.outcome, member.cause) == (Outcome.CANCELLED, Cause.DELETED)
    assert member.run is None or member.run.result is RunResult.DELETED
    assert engine.works == {}
    assert engine.labels["site-1"] == {}


def test_the_claim_goes_only_when_the_work_is_disarmed() -> None:
    engine = sites("site-1")
    engine.until(Kind.RUN_ARMING)
    engine.frozen.add("site-1")
    engine.deliver()
    engine.stalled = engine.now + timedelta(minutes=10)
    engine.delete("uid-a")
    engine.wait(minutes=5)
    assert engine.member("uid-a", 0, "site-1").reason.kind is ReasonKind.DISARMING
    assert "uid-site-1" in engine.fleet.claims
    engine.wait(minutes=10)
    assert not engine.fleet.claims
    assert engine.works == {}


def test_between_two_actions_the_next_one_does_not_begin() -> None:
    engine = sites("site-1", plan="Prep Upgrade")
    engine.until(Kind.RUN_ACCEPTED)
    engine.frozen.add("site-1")
    engine.wait(minutes=5)
    snapshot = engine.snapshot(engine.tracked("uid-a"))
    engine.frozen.clear()
    engine.agents()
    found = drafted(replace(snapshot, object=None), ["site-1"], engine.now).decisions
    kinds = [decision.kind for decision in found if isinstance(decision, OnMember)]
    assert Kind.RUN_INTENDED not in kinds
    assert gone(engine).finished
    assert [stage for _, stage in engine.spokes["site-1"].executed] == [Stage.PREP]


def test_a_chain_that_waits_for_its_next_action_ends() -> None:
    """Prep is done, and the cluster went dark before Upgrade could begin."""
    engine = sites("site-1", plan="Prep Upgrade")
    engine.until(Kind.RUN_ENDED)
    engine.stalled = engine.now + timedelta(hours=1)
    engine.spokes["site-1"].dark = True
    engine.touch_cluster("site-1")
    engine.settle()
    engine.delete("uid-a")
    engine.wait(hours=2)
    member = engine.member("uid-a", 0, "site-1")
    assert (member.outcome, member.cause) == (Outcome.CANCELLED, Cause.DELETED)


def test_a_cluster_inside_its_upgrade_is_watched_until_it_is_out() -> None:
    engine = sites("site-1", plan="Upgrade")
    engine.wait(minutes=5)
    member = gone(engine, seconds=10)
    assert member.watched
    assert ("uid-a", "site-1") in engine.works
    engine.wait(minutes=20)
    assert not engine.member("uid-a", 0, "site-1").watched
    assert engine.works == {}
    assert engine.annotations["site-1"] == {}
    assert engine.told(Kind.UNWATCHED) == [
        "the rollout was deleted, and the cluster is out of the stage"
    ]


def test_a_hanging_cluster_is_watched_for_a_day_after_the_deletion() -> None:
    engine = sites("site-1", plan="Upgrade")
    engine.spokes["site-1"].faults[Stage.UPGRADE] = "hang"
    engine.until(Kind.RUN_ACCEPTED)
    gone(engine)
    engine.drive(DELETED_WATCH - timedelta(minutes=10))
    assert engine.member("uid-a", 0, "site-1").watched
    engine.wait(minutes=20)
    assert not engine.member("uid-a", 0, "site-1").watched
    assert engine.works == {}


def test_a_deletion_ends_the_watch_for_late_completions() -> None:
    engine = sites("site-1")
    engine.spokes["site-1"].faults[Stage.PREP] = "fail"
    engine.wait(minutes=5)
    assert engine.member("uid-a", 0, "site-1").watched
    assert not gone(engine, seconds=1).watched
    assert engine.works == {}


def _before_the_first_turn(engine: InMemoryEngine) -> None:
    engine.turn()


def _while_the_step_opens(engine: InMemoryEngine) -> None:
    engine.until(Kind.STEP_OPENED)


def _when_it_is_complete(engine: InMemoryEngine) -> None:
    engine.wait(hours=1)


def _while_it_is_held(engine: InMemoryEngine) -> None:
    engine.adoption.add("uid-a")
    engine.touch("uid-a")
    engine.settle()


@pytest.mark.parametrize(
    "when",
    [
        _before_the_first_turn,
        _while_the_step_opens,
        _when_it_is_complete,
        _while_it_is_held,
    ],
)
def test_a_rollout_can_be_deleted_in_any_state(when: Callable[[InMemoryEngine], None]) -> None:
    engine = sites("site-1")
    when(engine)
    engine.delete("uid-a")
    engine.wait(hours=1)
    tracked = engine.tracked("uid-a")
    assert tracked.rollout.state is RolloutState.DELETED
    assert tracked.rollout.deleted_at is not None
    assert tracked.rollout.hold is None
    assert all(not step.unfinished for step in tracked.steps)
    assert engine.works == {}
    assert len(engine.told(Kind.ROLLOUT_DELETED)) == 1


def test_nothing_follows_once_it_is_deleted() -> None:
    engine = sites("site-1")
    engine.wait(seconds=10)
    gone(engine, hours=1)
    known = len(engine.said)
    engine.touch_everything()
    engine.wait(hours=1)
    assert engine.said[known:] == []


def test_a_deletion_in_progress_is_a_deletion() -> None:
    engine = sites("site-1")
    engine.wait(seconds=10)
    found = engine.ibgus["uid-a"]
    leaving = replace(found.metadata, deletion_timestamp="2026-01-01T00:00:10Z")
    engine.apply(replace(found, metadata=leaving))
    engine.settle()
    assert engine.tracked("uid-a").rollout.state is RolloutState.DELETED


def test_a_new_object_of_the_same_name_does_not_inherit_the_rollout() -> None:
    engine = sites("site-1")
    engine.wait(seconds=10)
    snapshot = engine.snapshot(engine.tracked("uid-a"))
    other = ibgu("b", "Prep")
    decisions = drafted(replace(snapshot, object=other), [], engine.now).decisions
    assert decisions[0].kind is Kind.ROLLOUT_DELETED  # type: ignore[union-attr]


def test_a_deletion_while_ibgu_was_away_is_found_at_start() -> None:
    engine = sites("site-1", "site-2")
    engine.wait(seconds=10)
    del engine.ibgus["uid-a"]
    engine.restart()
    engine.wait(minutes=5)
    assert engine.tracked("uid-a").rollout.state is RolloutState.DELETED
    assert not engine.fleet.claims
    assert engine.works == {}


def test_a_deleted_canceller_stays_in_force() -> None:
    engine = sites("site-1")
    engine.wait(minutes=5)
    engine.apply(ibgu("b", "Abort", age=-10))
    engine.wait(minutes=5)
    engine.delete("uid-b")
    engine.wait(minutes=5)
    engine.fleet.forget("uid-b")
    engine.labels["site-1"] = dict(PREPARED)
    engine.append("uid-a", "Upgrade")
    engine.wait(minutes=5)
    assert engine.tracked("uid-a").steps[1].step.total == 0


def test_a_member_waits_until_an_old_work_with_a_deletion_timestamp_is_gone() -> None:
    """The API server would accept an apply, and the agent would drop it."""
    engine = sites("site-1", "site-2", concurrency=1)
    engine.wait(seconds=10)
    spoke = engine.spokes["site-2"]
    work = engine.works["uid-a", "site-2"]
    engine.frozen.add("site-2")
    work.terminating = True
    generation = work.generation
    engine.touch("uid-a", "site-2")
    engine.settle()
    member = engine.member("uid-a", 0, "site-2")
    assert member.reason.kind is ReasonKind.TERMINATING
    assert "work-uid-a" in member.reason.message
    engine.wait(minutes=30)
    assert work.generation == generation
    assert engine.member("uid-a", 0, "site-2").state is MemberState.WAITING
    engine.frozen.clear()
    engine.wait(minutes=10)
    assert engine.member("uid-a", 0, "site-2").outcome is Outcome.SUCCEEDED
    assert [stage for _, stage in spoke.executed] == [Stage.PREP]

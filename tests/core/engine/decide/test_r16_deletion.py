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
    twin = InMemoryEngine(*names)
    Invariants(twin)
    for name, spoke in twin.spokes.items():
        if plan.startswith("Upgrade"):
            spoke.to(Stage.PREP)
            twin.labels[name] = dict(PREPARED)
    twin.apply(ibgu("a", plan, concurrency=concurrency))
    return twin


def gone(twin: InMemoryEngine, **time: int) -> Any:
    twin.delete("uid-a")
    twin.wait(**(time or {"minutes": 5}))
    assert twin.tracked("uid-a").rollout.state is RolloutState.DELETED
    assert not twin.fleet.claims
    return twin.member("uid-a", 0, "site-1")


def test_waiting_members_end_as_deleted_and_nothing_new_starts() -> None:
    twin = sites("site-1", "site-2", "site-3")
    twin.wait(seconds=10)
    gone(twin)
    for name in ("site-2", "site-3"):
        member = twin.member("uid-a", 0, name)
        assert (member.outcome, member.cause) == (Outcome.CANCELLED, Cause.DELETED)
        assert twin.spokes[name].executed == []
    assert twin.works == {}
    assert twin.told(Kind.ROLLOUT_DELETED) == ["the ImageBasedGroupUpgrade was deleted"]


@pytest.mark.parametrize(
    "when", [Kind.PROBED, Kind.RUN_INTENDED, Kind.RUN_ARMING, Kind.RUN_ACCEPTED]
)
def test_a_run_ends_in_whatever_state_it_is_and_is_disarmed(when: Kind) -> None:
    twin = sites("site-1")
    twin.until(when)
    member = gone(twin)
    assert (member.outcome, member.cause) == (Outcome.CANCELLED, Cause.DELETED)
    assert member.run is None or member.run.result is RunResult.DELETED
    assert twin.works == {}
    assert twin.labels["site-1"] == {}


def test_the_claim_goes_only_when_the_work_is_disarmed() -> None:
    twin = sites("site-1")
    twin.until(Kind.RUN_ARMING)
    twin.frozen.add("site-1")
    twin.deliver()
    twin.stalled = twin.now + timedelta(minutes=10)
    twin.delete("uid-a")
    twin.wait(minutes=5)
    assert twin.member("uid-a", 0, "site-1").reason.kind is ReasonKind.DISARMING
    assert "uid-site-1" in twin.fleet.claims
    twin.wait(minutes=10)
    assert not twin.fleet.claims
    assert twin.works == {}


def test_between_two_actions_the_next_one_does_not_begin() -> None:
    twin = sites("site-1", plan="Prep Upgrade")
    twin.until(Kind.RUN_ACCEPTED)
    twin.frozen.add("site-1")
    twin.wait(minutes=5)
    snapshot = twin.snapshot(twin.tracked("uid-a"))
    twin.frozen.clear()
    twin.agents()
    found = drafted(replace(snapshot, object=None), ["site-1"], twin.now).decisions
    kinds = [decision.kind for decision in found if isinstance(decision, OnMember)]
    assert Kind.RUN_INTENDED not in kinds
    assert gone(twin).finished
    assert [stage for _, stage in twin.spokes["site-1"].executed] == [Stage.PREP]


def test_a_chain_that_waits_for_its_next_action_ends() -> None:
    """Prep is done, and the cluster went dark before Upgrade could begin."""
    twin = sites("site-1", plan="Prep Upgrade")
    twin.until(Kind.RUN_ENDED)
    twin.stalled = twin.now + timedelta(hours=1)
    twin.spokes["site-1"].dark = True
    twin.touch_cluster("site-1")
    twin.settle()
    twin.delete("uid-a")
    twin.wait(hours=2)
    member = twin.member("uid-a", 0, "site-1")
    assert (member.outcome, member.cause) == (Outcome.CANCELLED, Cause.DELETED)


def test_a_cluster_inside_its_upgrade_is_watched_until_it_is_out() -> None:
    twin = sites("site-1", plan="Upgrade")
    twin.wait(minutes=5)
    member = gone(twin, seconds=10)
    assert member.watched
    assert ("uid-a", "site-1") in twin.works
    twin.wait(minutes=20)
    assert not twin.member("uid-a", 0, "site-1").watched
    assert twin.works == {}
    assert twin.annotations["site-1"] == {}
    assert twin.told(Kind.UNWATCHED) == [
        "the rollout was deleted, and the cluster is out of the stage"
    ]


def test_a_hanging_cluster_is_watched_for_a_day_after_the_deletion() -> None:
    twin = sites("site-1", plan="Upgrade")
    twin.spokes["site-1"].faults[Stage.UPGRADE] = "hang"
    twin.until(Kind.RUN_ACCEPTED)
    gone(twin)
    twin.drive(DELETED_WATCH - timedelta(minutes=10))
    assert twin.member("uid-a", 0, "site-1").watched
    twin.wait(minutes=20)
    assert not twin.member("uid-a", 0, "site-1").watched
    assert twin.works == {}


def test_a_deletion_ends_the_watch_for_late_completions() -> None:
    twin = sites("site-1")
    twin.spokes["site-1"].faults[Stage.PREP] = "fail"
    twin.wait(minutes=5)
    assert twin.member("uid-a", 0, "site-1").watched
    assert not gone(twin, seconds=1).watched
    assert twin.works == {}


def _before_the_first_turn(twin: InMemoryEngine) -> None:
    twin.turn()


def _while_the_step_opens(twin: InMemoryEngine) -> None:
    twin.until(Kind.STEP_OPENED)


def _when_it_is_complete(twin: InMemoryEngine) -> None:
    twin.wait(hours=1)


def _while_it_is_held(twin: InMemoryEngine) -> None:
    twin.adoption.add("uid-a")
    twin.touch("uid-a")
    twin.settle()


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
    twin = sites("site-1")
    when(twin)
    twin.delete("uid-a")
    twin.wait(hours=1)
    tracked = twin.tracked("uid-a")
    assert tracked.rollout.state is RolloutState.DELETED
    assert tracked.rollout.deleted_at is not None
    assert tracked.rollout.hold is None
    assert all(not step.unfinished for step in tracked.steps)
    assert twin.works == {}
    assert len(twin.told(Kind.ROLLOUT_DELETED)) == 1


def test_nothing_follows_once_it_is_deleted() -> None:
    twin = sites("site-1")
    twin.wait(seconds=10)
    gone(twin, hours=1)
    known = len(twin.said)
    twin.touch_everything()
    twin.wait(hours=1)
    assert twin.said[known:] == []


def test_a_deletion_in_progress_is_a_deletion() -> None:
    twin = sites("site-1")
    twin.wait(seconds=10)
    found = twin.ibgus["uid-a"]
    leaving = replace(found.metadata, deletion_timestamp="2026-01-01T00:00:10Z")
    twin.apply(replace(found, metadata=leaving))
    twin.settle()
    assert twin.tracked("uid-a").rollout.state is RolloutState.DELETED


def test_a_new_object_of_the_same_name_does_not_inherit_the_rollout() -> None:
    twin = sites("site-1")
    twin.wait(seconds=10)
    snapshot = twin.snapshot(twin.tracked("uid-a"))
    other = ibgu("b", "Prep")
    decisions = drafted(replace(snapshot, object=other), [], twin.now).decisions
    assert decisions[0].kind is Kind.ROLLOUT_DELETED  # type: ignore[union-attr]


def test_a_deletion_while_ibgu_was_away_is_found_at_start() -> None:
    twin = sites("site-1", "site-2")
    twin.wait(seconds=10)
    del twin.ibgus["uid-a"]
    twin.restart()
    twin.wait(minutes=5)
    assert twin.tracked("uid-a").rollout.state is RolloutState.DELETED
    assert not twin.fleet.claims
    assert twin.works == {}


def test_a_deleted_canceller_stays_in_force() -> None:
    twin = sites("site-1")
    twin.wait(minutes=5)
    twin.apply(ibgu("b", "Abort", age=-10))
    twin.wait(minutes=5)
    twin.delete("uid-b")
    twin.wait(minutes=5)
    twin.fleet.forget("uid-b")
    twin.labels["site-1"] = dict(PREPARED)
    twin.append("uid-a", "Upgrade")
    twin.wait(minutes=5)
    assert twin.tracked("uid-a").steps[1].step.total == 0


def test_a_member_waits_until_an_old_work_with_a_deletion_timestamp_is_gone() -> None:
    """The API server would accept an apply, and the agent would drop it."""
    twin = sites("site-1", "site-2", concurrency=1)
    twin.wait(seconds=10)
    spoke = twin.spokes["site-2"]
    work = twin.works["uid-a", "site-2"]
    twin.frozen.add("site-2")
    work.terminating = True
    generation = work.generation
    twin.touch("uid-a", "site-2")
    twin.settle()
    member = twin.member("uid-a", 0, "site-2")
    assert member.reason.kind is ReasonKind.TERMINATING
    assert "work-uid-a" in member.reason.message
    twin.wait(minutes=30)
    assert work.generation == generation
    assert twin.member("uid-a", 0, "site-2").state is MemberState.WAITING
    twin.frozen.clear()
    twin.wait(minutes=10)
    assert twin.member("uid-a", 0, "site-2").outcome is Outcome.SUCCEEDED
    assert [stage for _, stage in spoke.executed] == [Stage.PREP]

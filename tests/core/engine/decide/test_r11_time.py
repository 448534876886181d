"""R11: limits, deadlines, and the floor."""

from datetime import timedelta

import pytest
from msgspec.structs import replace

from ibgu.core.drivers.ibu.actions import Stage
from ibgu.core.engine.decide.member.ending import TIMEOUT
from ibgu.core.engine.state.snapshot import PayloadState
from ibgu.core.engine.timing.times import SETTLE
from ibgu.core.model import Cause, Kind, Outcome, ReasonKind, RunResult
from ibgu.core.model.bounds import LATEST
from ibgu.core.model.kinds import AutoRollback, RolloutObject
from tests.core.engine.decide.fleet import START, InMemoryEngine, ibgu
from tests.core.engine.decide.fleets import sites

MINUTE = timedelta(minutes=1)


def minutes(twin: InMemoryEngine, uid: str, name: str) -> float:
    """The member's limit, in minutes after its start."""
    member = twin.member(uid, 0, name)
    assert member.limit is not None
    assert member.started_at is not None
    return (member.limit - member.started_at) / MINUTE


@pytest.mark.parametrize(
    ("members", "concurrency", "limit"), [(4, 4, 240), (4, 2, 120), (5, 2, 80), (3, 1, 80)]
)
def test_the_share_is_the_timeout_by_the_waves(
    members: int, concurrency: int, limit: float
) -> None:
    twin = sites(members)
    uid = twin.apply(ibgu("a", "Prep", concurrency=concurrency, timeout=240))
    twin.settle()
    assert minutes(twin, uid, "site-1") == limit


def test_the_last_wave_may_use_all_the_time_that_is_left() -> None:
    twin = sites(3)
    uid = twin.apply(ibgu("a", "Prep", concurrency=1, timeout=240))
    twin.wait(minutes=10)
    limits = [round(minutes(twin, uid, f"site-{n}")) for n in (1, 2, 3)]
    assert limits == [80, 119, 238]


def test_a_timeout_of_thousands_of_years_gives_a_limit_that_can_be_read_again() -> None:
    twin = sites(2)
    uid = twin.apply(ibgu("a", "Prep", concurrency=1, timeout=2**31 - 1))
    twin.wait(seconds=10)
    assert twin.member(uid, 0, "site-1").limit == LATEST


def test_a_chain_has_one_limit() -> None:
    twin = sites(1)
    uid = twin.apply(ibgu("a", "Prep Upgrade", timeout=100))
    twin.wait(minutes=5)
    assert twin.member(uid, 0, "site-1").action_index == 1
    assert twin.member(uid, 0, "site-1").limit == START + 100 * MINUTE


def test_past_its_limit_a_member_fails_when_another_needs_the_slot() -> None:
    twin = sites(2)
    twin.spokes["site-1"].faults[Stage.PREP] = "hang"
    uid = twin.apply(ibgu("a", "Prep", concurrency=1, timeout=100))
    twin.wait(minutes=49)
    assert twin.member(uid, 0, "site-1").outcome is None
    twin.wait(minutes=2)
    member = twin.member(uid, 0, "site-1")
    assert (member.outcome, member.cause) == (Outcome.FAILED, Cause.TIMED_OUT)
    assert member.message == f"{TIMEOUT}. Last seen: In progress"
    assert member.ended_at == twin.member(uid, 0, "site-2").started_at
    assert "lcm.openshift.io/ibgu-prep-failed" in twin.labels["site-1"]


def test_past_its_limit_a_member_goes_on_while_nobody_needs_the_slot() -> None:
    twin = sites(2)
    twin.spokes["site-1"].faults[Stage.PREP] = "slow"
    twin.spokes["site-2"].dark = True
    uid = twin.apply(ibgu("a", "Prep", concurrency=1, timeout=100))
    twin.wait(minutes=70)
    assert twin.member(uid, 0, "site-1").outcome is Outcome.SUCCEEDED


def test_the_earliest_limit_yields_first_and_only_as_many_as_are_needed() -> None:
    twin = sites(4)
    for n in (1, 2, 3):
        twin.spokes[f"site-{n}"].faults[Stage.PREP] = "hang"
    uid = twin.apply(ibgu("a", "Prep", concurrency=3, timeout=100))
    twin.wait(minutes=51)
    outcomes = [m.outcome for m in twin.tracked(uid).steps[0].members.values()]
    assert outcomes == [Outcome.FAILED, None, None, None]


def test_nobody_yields_for_a_member_that_a_gate_keeps() -> None:
    twin = sites(2, "hang")
    uid = twin.apply(ibgu("a", "Prep", concurrency=1, timeout=100))
    twin.wait(minutes=5)
    twin.payload = PayloadState(problem="forbidden")
    twin.wait(minutes=60)
    assert twin.member(uid, 0, "site-1").outcome is None


def test_the_slot_of_one_that_is_being_disarmed_is_not_asked_for_twice() -> None:
    twin = sites(3)
    for n in (1, 2):
        twin.spokes[f"site-{n}"].faults[Stage.PREP] = "hang"
    uid = twin.apply(ibgu("a", "Prep", concurrency=2, timeout=100))
    twin.until(Kind.RUN_ARMING)
    twin.frozen |= {"site-1", "site-2"}
    twin.wait(minutes=49)
    twin.stalled = twin.now + 3 * MINUTE
    twin.wait(minutes=2)
    reasons = [m.reason.kind for m in twin.tracked(uid).steps[0].members.values()]
    assert reasons == [ReasonKind.DISARMING, ReasonKind.ARMING, ReasonKind.READY]


def test_at_the_deadline_everybody_ends() -> None:
    twin = sites(3, "hang")
    twin.spokes["site-3"].dark = True
    uid = twin.apply(ibgu("a", "Prep", concurrency=2, timeout=60))
    twin.wait(minutes=61)
    causes = [m.cause for m in twin.tracked(uid).steps[0].members.values()]
    assert causes == [Cause.TIMED_OUT, Cause.TIMED_OUT, Cause.NEVER_STARTED]
    third = twin.member(uid, 0, "site-3")
    assert third.failed_action == "Prep"
    assert "never started before the step's timeout: the cluster is not" in third.message
    assert twin.labels["site-3"] == {}
    assert twin.tracked(uid).steps[0].step.finished_at == START + 60 * MINUTE


def test_a_chain_that_waits_for_its_next_action_ends_at_the_deadline_too() -> None:
    twin = sites(1)
    uid = twin.apply(ibgu("a", "Prep Upgrade", timeout=60))
    twin.wait(seconds=50)
    twin.stalled = twin.now + timedelta(hours=2)
    work = twin.works[uid, "site-1"]
    twin.until(Kind.RUN_ENDED)
    twin.frozen.add("site-1")
    work.available = "Unknown"
    twin.wait(hours=1)
    member = twin.member(uid, 0, "site-1")
    assert (member.failed_action, member.cause) == ("Upgrade", Cause.TIMED_OUT)
    assert [done.action for done in member.completed] == ["Prep"]


def test_evidence_is_judged_before_deadlines() -> None:
    twin = sites(1)
    uid = twin.apply(ibgu("a", "Prep", timeout=1))
    twin.wait(seconds=59)
    twin.now = START + MINUTE + timedelta(seconds=30)
    twin.spokes["site-1"].tick(twin.now)
    twin.touch(uid, "site-1")
    twin.agents()
    twin.settle()
    assert twin.member(uid, 0, "site-1").outcome is Outcome.SUCCEEDED


@pytest.mark.parametrize(
    ("members", "timeout"), [pytest.param(1, 1, id="deadline"), pytest.param(2, 2, id="limit")]
)
def test_evidence_that_has_not_had_its_turn_is_judged_before_deadlines(
    members: int, timeout: int
) -> None:
    """A thousand others were touched before it."""
    twin = sites(members)
    uid = twin.apply(ibgu("a", "Prep", concurrency=1, timeout=timeout))
    twin.wait(seconds=59)
    twin.now = START + MINUTE + timedelta(seconds=30)
    twin.spokes["site-1"].tick(twin.now)
    twin.agents()
    twin.touched = {uid: {}}
    twin.turn()
    run = twin.member(uid, 0, "site-1").run
    assert run is not None
    assert run.result is not RunResult.LIMIT
    twin.settle()
    assert twin.member(uid, 0, "site-1").outcome is Outcome.SUCCEEDED


@pytest.mark.parametrize("members", [1, 2])
def test_a_limit_that_passed_while_ibgu_was_away_fails_nobody_for_two_minutes(
    members: int,
) -> None:
    twin = sites(members, "hang")
    uid = twin.apply(ibgu("a", "Prep", concurrency=1, timeout=60))
    twin.wait(minutes=1)
    twin.now = START + timedelta(hours=2)
    twin.restart()
    twin.drive(SETTLE - timedelta(seconds=1))
    assert twin.member(uid, 0, "site-1").outcome is None
    twin.wait(seconds=1)
    assert twin.member(uid, 0, "site-1").cause is Cause.TIMED_OUT


def test_nothing_starts_after_a_deadline_that_passed_while_ibgu_was_away() -> None:
    """The two minutes in which nobody is judged are no exception."""
    twin = sites(3, "hang")
    uid = twin.apply(ibgu("a", "Prep", concurrency=1, timeout=20))
    twin.wait(minutes=5)
    twin.now += 30 * MINUTE
    twin.spokes["site-1"].uid = "another"
    twin.restart()
    twin.wait(minutes=1)
    hold = twin.tracked(uid).steps[0].step.hold
    assert hold is not None
    assert (hold.kind, twin.tracked(uid).steps[0].not_started) == (ReasonKind.FLOOR, 2)
    twin.wait(minutes=2)
    causes = [m.cause for m in twin.tracked(uid).steps[0].members.values()]
    assert causes == [Cause.RECREATED, Cause.NEVER_STARTED, Cause.NEVER_STARTED]
    assert len(twin.told(Kind.RUN_INTENDED)) == 1


@pytest.mark.parametrize(("timeout", "floor"), [(60, 30), (240, 45)])
def test_no_upgrade_starts_with_too_little_time_left(timeout: int, floor: int) -> None:
    """min(initMonitorTimeout + 15 min, share / 2): here 45 min, or half of the timeout."""
    twin = sites(1)
    twin.spokes["site-1"].to("Prep")
    twin.labels["site-1"]["lcm.openshift.io/ibgu-prep-completed"] = ""
    twin.spokes["site-1"].dark = True
    uid = twin.apply(ibgu("a", "Upgrade", timeout=timeout))
    twin.wait(minutes=timeout - floor + 1)
    twin.spokes["site-1"].dark = False
    twin.touch_cluster("site-1")
    twin.settle()
    hold = twin.tracked(uid).steps[0].step.hold
    assert hold is not None
    assert hold.kind is ReasonKind.FLOOR
    assert f"less than {floor} min are left" in hold.message
    twin.wait(hours=1)
    assert twin.member(uid, 0, "site-1").cause is Cause.NEVER_STARTED


def test_a_chain_goes_on_however_little_time_is_left() -> None:
    twin = sites(1)
    uid = twin.apply(ibgu("a", "Prep Upgrade", timeout=20))
    twin.wait(minutes=30)
    assert twin.member(uid, 0, "site-1").outcome is Outcome.SUCCEEDED


def test_the_floor_follows_the_clusters_own_monitor() -> None:
    twin = sites(1)
    twin.labels["site-1"]["lcm.openshift.io/ibgu-prep-completed"] = ""
    twin.spokes["site-1"].to("Prep")
    twin.spokes["site-1"].dark = True
    obj = ibgu("a", "Upgrade", timeout=240)
    uid = twin.apply(with_monitor(obj, 600))
    twin.wait(minutes=210)
    twin.spokes["site-1"].dark = False
    twin.touch_cluster("site-1")
    twin.settle()
    assert twin.member(uid, 0, "site-1").run is not None


def with_monitor(obj: RolloutObject, seconds: int) -> RolloutObject:
    spec = replace(obj.spec.ibu_spec, auto_rollback_on_failure=AutoRollback(seconds))
    return replace(obj, spec=replace(obj.spec, ibu_spec=spec))


@pytest.mark.parametrize(
    ("vanishes", "cause"), [("site-1", Cause.GONE), ("site-2", Cause.NEVER_STARTED)]
)
def test_a_cluster_that_vanished_unnoticed_gets_no_label_at_the_deadline(
    vanishes: str, cause: Cause
) -> None:
    twin = sites(2, "hang")
    uid = twin.apply(ibgu("a", "Prep", concurrency=1, timeout=60))
    twin.wait(seconds=50)
    del twin.spokes[vanishes]
    twin.touched.clear()
    twin.now = START + 60 * MINUTE
    twin.touch(uid)
    twin.turn()
    member = twin.member(uid, 0, vanishes)
    assert member.cause is cause
    assert member.uid not in twin.fleet.pending_patches

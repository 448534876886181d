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


def minutes(engine: InMemoryEngine, uid: str, name: str) -> float:
    """The member's limit, in minutes after its start."""
    member = engine.member(uid, 0, name)
    assert member.limit is not None
    assert member.started_at is not None
    return (member.limit - member.started_at) / MINUTE


@pytest.mark.parametrize(
    ("members", "concurrency", "limit"), [(4, 4, 240), (4, 2, 120), (5, 2, 80), (3, 1, 80)]
)
def test_the_share_is_the_timeout_by_the_waves(
    members: int, concurrency: int, limit: float
) -> None:
    engine = sites(members)
    uid = engine.apply(ibgu("a", "Prep", concurrency=concurrency, timeout=240))
    engine.settle()
    assert minutes(engine, uid, "site-1") == limit


def test_the_last_wave_may_use_all_the_time_that_is_left() -> None:
    engine = sites(3)
    uid = engine.apply(ibgu("a", "Prep", concurrency=1, timeout=240))
    engine.wait(minutes=10)
    limits = [round(minutes(engine, uid, f"site-{n}")) for n in (1, 2, 3)]
    assert limits == [80, 119, 238]


def test_a_timeout_of_thousands_of_years_gives_a_limit_that_can_be_read_again() -> None:
    engine = sites(2)
    uid = engine.apply(ibgu("a", "Prep", concurrency=1, timeout=2**31 - 1))
    engine.wait(seconds=10)
    assert engine.member(uid, 0, "site-1").limit == LATEST


def test_a_chain_has_one_limit() -> None:
    engine = sites(1)
    uid = engine.apply(ibgu("a", "Prep Upgrade", timeout=100))
    engine.wait(minutes=5)
    assert engine.member(uid, 0, "site-1").action_index == 1
    assert engine.member(uid, 0, "site-1").limit == START + 100 * MINUTE


def test_past_its_limit_a_member_fails_when_another_needs_the_slot() -> None:
    engine = sites(2)
    engine.spokes["site-1"].faults[Stage.PREP] = "hang"
    uid = engine.apply(ibgu("a", "Prep", concurrency=1, timeout=100))
    engine.wait(minutes=49)
    assert engine.member(uid, 0, "site-1").outcome is None
    engine.wait(minutes=2)
    member = engine.member(uid, 0, "site-1")
    assert (member.outcome, member.cause) == (Outcome.FAILED, Cause.TIMED_OUT)
    assert member.message == f"{TIMEOUT}. Last seen: In progress"
    assert member.ended_at == engine.member(uid, 0, "site-2").started_at
    assert "lcm.openshift.io/ibgu-prep-failed" in engine.labels["site-1"]


def test_past_its_limit_a_member_goes_on_while_nobody_needs_the_slot() -> None:
    engine = sites(2)
    engine.spokes["site-1"].faults[Stage.PREP] = "slow"
    engine.spokes["site-2"].dark = True
    uid = engine.apply(ibgu("a", "Prep", concurrency=1, timeout=100))
    engine.wait(minutes=70)
    assert engine.member(uid, 0, "site-1").outcome is Outcome.SUCCEEDED


def test_the_earliest_limit_yields_first_and_only_as_many_as_are_needed() -> None:
    engine = sites(4)
    for n in (1, 2, 3):
        engine.spokes[f"site-{n}"].faults[Stage.PREP] = "hang"
    uid = engine.apply(ibgu("a", "Prep", concurrency=3, timeout=100))
    engine.wait(minutes=51)
    outcomes = [m.outcome for m in engine.tracked(uid).steps[0].members.values()]
    assert outcomes == [Outcome.FAILED, None, None, None]


def test_nobody_yields_for_a_member_that_a_gate_keeps() -> None:
    engine = sites(2, "hang")
    uid = engine.apply(ibgu("a", "Prep", concurrency=1, timeout=100))
    engine.wait(minutes=5)
    engine.payload = PayloadState(problem="forbidden")
    engine.wait(minutes=60)
    assert engine.member(uid, 0, "site-1").outcome is None


def test_the_slot_of_one_that_is_being_disarmed_is_not_asked_for_twice() -> None:
    engine = sites(3)
    for n in (1, 2):
        engine.spokes[f"site-{n}"].faults[Stage.PREP] = "hang"
    uid = engine.apply(ibgu("a", "Prep", concurrency=2, timeout=100))
    engine.until(Kind.RUN_ARMING)
    engine.frozen |= {"site-1", "site-2"}
    engine.wait(minutes=49)
    engine.stalled = engine.now + 3 * MINUTE
    engine.wait(minutes=2)
    reasons = [m.reason.kind for m in engine.tracked(uid).steps[0].members.values()]
    assert reasons == [ReasonKind.DISARMING, ReasonKind.ARMING, ReasonKind.READY]


def test_at_the_deadline_everybody_ends() -> None:
    engine = sites(3, "hang")
    engine.spokes["site-3"].dark = True
    uid = engine.apply(ibgu("a", "Prep", concurrency=2, timeout=60))
    engine.wait(minutes=61)
    causes = [m.cause for m in engine.tracked(uid).steps[0].members.values()]
    assert causes == [Cause.TIMED_OUT, Cause.TIMED_OUT, Cause.NEVER_STARTED]
    third = engine.member(uid, 0, "site-3")
    assert third.failed_action == "Prep"
    assert "never started before the step's timeout: the cluster is not" in third.message
    assert engine.labels["site-3"] == {}
    assert engine.tracked(uid).steps[0].step.finished_at == START + 60 * MINUTE


def test_a_chain_that_waits_for_its_next_action_ends_at_the_deadline_too() -> None:
    engine = sites(1)
    uid = engine.apply(ibgu("a", "Prep Upgrade", timeout=60))
    engine.wait(seconds=50)
    engine.stalled = engine.now + timedelta(hours=2)
    work = engine.works[uid, "site-1"]
    engine.until(Kind.RUN_ENDED)
    engine.frozen.add("site-1")
    work.available = "Unknown"
    engine.wait(hours=1)
    member = engine.member(uid, 0, "site-1")
    assert (member.failed_action, member.cause) == ("Upgrade", Cause.TIMED_OUT)
    assert [done.action for done in member.completed] == ["Prep"]


def test_evidence_is_judged_before_deadlines() -> None:
    engine = sites(1)
    uid = engine.apply(ibgu("a", "Prep", timeout=1))
    engine.wait(seconds=59)
    engine.now = START + MINUTE + timedelta(seconds=30)
    engine.spokes["site-1"].tick(engine.now)
    engine.touch(uid, "site-1")
    engine.agents()
    engine.settle()
    assert engine.member(uid, 0, "site-1").outcome is Outcome.SUCCEEDED


@pytest.mark.parametrize(
    ("members", "timeout"), [pytest.param(1, 1, id="deadline"), pytest.param(2, 2, id="limit")]
)
def test_evidence_that_has_not_had_its_turn_is_judged_before_deadlines(
    members: int, timeout: int
) -> None:
    """A thousand others were touched before it."""
    engine = sites(members)
    uid = engine.apply(ibgu("a", "Prep", concurrency=1, timeout=timeout))
    engine.wait(seconds=59)
    engine.now = START + MINUTE + timedelta(seconds=30)
    engine.spokes["site-1"].tick(engine.now)
    engine.agents()
    engine.touched = {uid: {}}
    engine.turn()
    run = engine.member(uid, 0, "site-1").run
    assert run is not None
    assert run.result is not RunResult.LIMIT
    engine.settle()
    assert engine.member(uid, 0, "site-1").outcome is Outcome.SUCCEEDED


@pytest.mark.parametrize("members", [1, 2])
def test_a_limit_that_passed_while_ibgu_was_away_fails_nobody_for_two_minutes(
    members: int,
) -> None:
    engine = sites(members, "hang")
    uid = engine.apply(ibgu("a", "Prep", concurrency=1, timeout=60))
    engine.wait(minutes=1)
    engine.now = START + timedelta(hours=2)
    engine.restart()
    engine.drive(SETTLE - timedelta(seconds=1))
    assert engine.member(uid, 0, "site-1").outcome is None
    engine.wait(seconds=1)
    assert engine.member(uid, 0, "site-1").cause is Cause.TIMED_OUT


def test_nothing_starts_after_a_deadline_that_passed_while_ibgu_was_away() -> None:
    """The two minutes in which nobody is judged are no exception."""
    engine = sites(3, "hang")
    uid = engine.apply(ibgu("a", "Prep", concurrency=1, timeout=20))
    engine.wait(minutes=5)
    engine.now += 30 * MINUTE
    engine.spokes["site-1"].uid = "another"
    engine.restart()
    engine.wait(minutes=1)
    hold = engine.tracked(uid).steps[0].step.hold
    assert hold is not None
    assert (hold.kind, engine.tracked(uid).steps[0].not_started) == (ReasonKind.FLOOR, 2)
    engine.wait(minutes=2)
    causes = [m.cause for m in engine.tracked(uid).steps[0].members.values()]
    assert causes == [Cause.RECREATED, Cause.NEVER_STARTED, Cause.NEVER_STARTED]
    assert len(engine.told(Kind.RUN_INTENDED)) == 1


@pytest.mark.parametrize(("timeout", "floor"), [(60, 30), (240, 45)])
def test_no_upgrade_starts_with_too_little_time_left(timeout: int, floor: int) -> None:
    """min(initMonitorTimeout + 15 min, share / 2): here 45 min, or half of the timeout."""
    engine = sites(1)
    engine.spokes["site-1"].to("Prep")
    engine.labels["site-1"]["lcm.openshift.io/ibgu-prep-completed"] = ""
    engine.spokes["site-1"].dark = True
    uid = engine.apply(ibgu("a", "Upgrade", timeout=timeout))
    engine.wait(minutes=timeout - floor + 1)
    engine.spokes["site-1"].dark = False
    engine.touch_cluster("site-1")
    engine.settle()
    hold = engine.tracked(uid).steps[0].step.hold
    assert hold is not None
    assert hold.kind is ReasonKind.FLOOR
    assert f"less than {floor} min are left" in hold.message
    engine.wait(hours=1)
    assert engine.member(uid, 0, "site-1").cause is Cause.NEVER_STARTED


def test_a_chain_goes_on_however_little_time_is_left() -> None:
    engine = sites(1)
    uid = engine.apply(ibgu("a", "Prep Upgrade", timeout=20))
    engine.wait(minutes=30)
    assert engine.member(uid, 0, "site-1").outcome is Outcome.SUCCEEDED


def test_the_floor_follows_the_clusters_own_monitor() -> None:
    engine = sites(1)
    engine.labels["site-1"]["lcm.openshift.io/ibgu-prep-completed"] = ""
    engine.spokes["site-1"].to("Prep")
    engine.spokes["site-1"].dark = True
    obj = ibgu("a", "Upgrade", timeout=240)
    uid = engine.apply(with_monitor(obj, 600))
    engine.wait(minutes=210)
    engine.spokes["site-1"].dark = False
    engine.touch_cluster("site-1")
    engine.settle()
    assert engine.member(uid, 0, "site-1").run is not None


def with_monitor(obj: RolloutObject, seconds: int) -> RolloutObject:
    spec = replace(obj.spec.ibu_spec, auto_rollback_on_failure=AutoRollback(seconds))
    return replace(obj, spec=replace(obj.spec, ibu_spec=spec))


def test_a_chain_begins_nothing_after_a_deadline_that_passed_unseen() -> None:
    engine = sites(1)
    uid = engine.apply(ibgu("a", "Prep Upgrade", timeout=60))
    engine.wait(seconds=30)
    for _ in range(70):
        engine.now += MINUTE
        engine.spokes["site-1"].tick(engine.now)
        engine.agents()
    engine.restart()
    engine.wait(minutes=3)
    member = engine.member(uid, 0, "site-1")
    assert engine.spokes["site-1"].executed == [(engine.spokes["site-1"].run, Stage.PREP)]
    assert (member.cause, member.failed_action) == (Cause.TIMED_OUT, "Upgrade")
    assert "lcm.openshift.io/ibgu-upgrade-failed" not in engine.labels["site-1"]


def test_a_slot_is_not_taken_for_a_member_that_jitter_puts_off() -> None:
    engine = sites(2)
    engine.spokes["site-1"].faults[Stage.PREP] = "slow"
    uid = engine.apply(ibgu("a", "Prep", concurrency=1, timeout=100))
    engine.annotate(uid, start_jitter="1h")
    engine.wait(minutes=200)
    assert engine.member(uid, 0, "site-1").outcome is Outcome.SUCCEEDED


@pytest.mark.parametrize("vanishes", ["site-1", "site-2"])
def test_a_cluster_that_vanished_unnoticed_gets_no_label_at_the_deadline(vanishes: str) -> None:
    engine = sites(2, "hang")
    uid = engine.apply(ibgu("a", "Prep", concurrency=1, timeout=60))
    engine.wait(seconds=50)
    del engine.spokes[vanishes]
    engine.touched.clear()
    engine.now = START + 60 * MINUTE
    engine.touch(uid)
    engine.turn()
    member = engine.member(uid, 0, vanishes)
    assert member.cause is Cause.GONE
    assert member.uid not in engine.fleet.pending_patches


def test_nobody_fails_while_the_clock_stands_for_a_pause_that_ibgu_has_not_seen() -> None:
    """A person pauses the rollout before its deadline, while ibgu is away."""
    engine = InMemoryEngine("site-1")
    engine.spokes["site-1"].dark = True
    uid = engine.apply(ibgu("a", "Prep", timeout=60))
    engine.wait(minutes=40)
    engine.annotate(uid, pause="alice")
    engine.now += timedelta(hours=2)
    engine.restart()
    engine.wait(hours=5)
    assert not engine.member(uid, 0, "site-1").finished
    obj = engine.ibgus[uid]
    engine.apply(replace(obj, metadata=replace(obj.metadata, annotations={})))
    engine.wait(minutes=1)
    assert not engine.member(uid, 0, "site-1").finished, "the settle time is left"
    engine.wait(minutes=5)
    assert engine.member(uid, 0, "site-1").cause is Cause.NEVER_STARTED

"""R11: the step's clock stands while only a person's hold keeps it."""

from datetime import timedelta

from msgspec.structs import replace

from ibgu.core.drivers.ibu.actions import Stage
from ibgu.core.engine.state.snapshot import PayloadState
from ibgu.core.model import Kind, Outcome, ReasonKind
from tests.core.engine.decide.fleet import TALM_RUNS, ibgu
from tests.core.engine.decide.fleets import sites
from tests.core.engine.decide.test_pause import release
from tests.core.engine.gates.policies.policy import policy, set_policies


def test_the_clock_stands_while_a_persons_hold_alone_keeps_the_step() -> None:
    engine = sites(3)
    engine.payload = PayloadState(digest="one")
    uid = engine.apply(ibgu("a", "Prep", concurrency=1, timeout=60))
    engine.wait(seconds=20)
    engine.payload = PayloadState(digest="two")
    engine.wait(minutes=1)
    step = engine.tracked(uid).steps[0]
    assert step.step.stopped_since is not None
    assert not step.in_flight
    engine.wait(hours=5)
    assert engine.tracked(uid).steps[0].unfinished == 2
    engine.annotate(uid, resume="go")
    engine.wait(minutes=30)
    assert engine.tracked(uid).steps[0].counts[Outcome.SUCCEEDED] == 3
    assert engine.tracked(uid).steps[0].step.stopped > timedelta(hours=5)
    assert len(engine.told(Kind.CLOCK_STOPPED)) == len(engine.told(Kind.CLOCK_STARTED)) == 1


def test_a_live_talm_uses_up_no_step() -> None:
    engine = sites(2)
    uid = engine.apply(ibgu("a", "Prep", concurrency=1, timeout=60))
    engine.wait(seconds=20)
    engine.facts = replace(engine.facts, talm_hold=TALM_RUNS)
    engine.touch_everything()
    engine.wait(hours=5)
    assert engine.tracked(uid).steps[0].unfinished == 1
    engine.facts = replace(engine.facts, talm_hold="")
    engine.touch_everything()
    engine.wait(minutes=30)
    assert engine.tracked(uid).steps[0].counts[Outcome.SUCCEEDED] == 2
    assert len(engine.told(Kind.CLOCK_STOPPED)) == len(engine.told(Kind.CLOCK_STARTED)) == 1


def test_a_hold_that_nobody_has_to_end_goes_by_itself() -> None:
    engine = sites(2)
    engine.payload = PayloadState(digest="one")
    uid = engine.apply(ibgu("a", "Prep", concurrency=1))
    engine.wait(seconds=20)
    engine.payload = PayloadState(problem="forbidden")
    engine.wait(minutes=5)
    hold = engine.tracked(uid).steps[0].step.hold
    assert hold is not None
    assert hold.kind is ReasonKind.PAYLOAD_BLOCKED
    assert engine.tracked(uid).steps[0].step.stopped_since is None
    engine.payload = PayloadState(digest="one")
    engine.touch(uid)
    engine.wait(minutes=5)
    assert engine.told(Kind.STEP_RELEASED) == ["no longer: forbidden"]
    assert engine.member(uid, 0, "site-2").outcome is Outcome.SUCCEEDED


def test_a_hold_is_resumed_while_others_are_in_flight_and_the_clock_runs_on() -> None:
    engine = sites(4)
    engine.spokes["site-1"].faults[Stage.PREP] = "slow"
    engine.payload = PayloadState(digest="one")
    uid = engine.apply(ibgu("a", "Prep", concurrency=2))
    engine.wait(seconds=20)
    engine.payload = PayloadState(digest="two")
    engine.wait(minutes=5)
    engine.annotate(uid, resume="1")
    engine.wait(minutes=10)
    assert not engine.told(Kind.CLOCK_STOPPED)
    assert engine.tracked(uid).steps[0].counts[Outcome.SUCCEEDED] == 3


def test_the_clock_runs_again_when_a_withdrawn_run_comes_back() -> None:
    engine = sites(2, "hang")
    engine.payload = PayloadState(digest="one")
    uid = engine.apply(ibgu("a", "Prep", concurrency=1))
    engine.until(Kind.RUN_ARMING)
    engine.muted.add("site-1")
    engine.deliver()
    engine.spokes["site-1"].dark = True
    engine.touch_cluster("site-1")
    engine.payload = PayloadState(digest="two")
    engine.wait(minutes=10)
    assert engine.tracked(uid).steps[0].step.stopped_since is not None
    engine.muted.clear()
    engine.spokes["site-1"].dark = False
    engine.touch_cluster("site-1")
    engine.settle()
    assert Kind.RUN_REOPENED in engine.kinds("site-1")
    step = engine.tracked(uid).steps[0].step
    assert step.stopped_since is None
    assert timedelta(minutes=8) < step.stopped < timedelta(minutes=10)


def test_a_hung_cluster_uses_up_no_step_that_a_person_has_paused() -> None:
    """Past its limit it would have to give its slot to the next one, if that could start."""
    engine = sites(20)
    engine.spokes["site-3"].faults[Stage.PREP] = "hang"
    uid = engine.apply(ibgu("a", "Prep", concurrency=2, timeout=240))
    engine.wait(minutes=2)
    engine.annotate(uid, pause="looking into it")
    engine.wait(hours=10)
    step = engine.tracked(uid).steps[0]
    assert step.step.stopped_since == engine.member(uid, 0, "site-3").limit
    assert step.not_started == 16
    engine.spokes["site-3"].faults.clear()
    release(engine, uid)
    engine.wait(hours=3)
    assert step.counts[Outcome.SUCCEEDED] >= 19


def test_hung_clusters_use_up_no_step_that_a_policy_keeps() -> None:
    engine = sites(40)
    engine.spokes["site-3"].faults[Stage.PREP] = "hang"
    nights = {"cron": "0 0 * * *", "durationMinutes": 60, "timeZone": "UTC"}
    set_policies(engine, policy("nights", windows=[nights]))
    uid = engine.apply(ibgu("a", "Prep", concurrency=1, timeout=480))
    engine.wait(days=3)
    step = engine.tracked(uid).steps[0]
    assert step.counts[Outcome.FAILED] == 1
    assert engine.member(uid, 0, "site-3").outcome is Outcome.FAILED


def test_the_clock_runs_while_a_hung_cluster_keeps_the_slot_of_the_next() -> None:
    engine = sites(3)
    engine.spokes["site-1"].faults[Stage.PREP] = "hang"
    uid = engine.apply(ibgu("a", "Prep", concurrency=1, timeout=60))
    engine.wait(hours=2)
    assert not engine.told(Kind.CLOCK_STOPPED)
    assert engine.tracked(uid).steps[0].counts[Outcome.SUCCEEDED] == 2


def test_the_clock_stands_for_a_pause_behind_another_hold() -> None:
    engine = sites(5)
    uid = engine.apply(ibgu("a", "Prep", concurrency=1, timeout=60))
    engine.wait(seconds=20)
    engine.annotate(uid, pause="weekend")
    engine.wait(minutes=5)
    engine.append(uid, "Rollback")
    engine.wait(hours=5)
    tracked = engine.tracked(uid)
    assert tracked.rollout.hold is not None
    assert tracked.rollout.hold.kind is ReasonKind.INVALID_PLAN
    assert tracked.steps[0].step.stopped_since is not None
    assert tracked.steps[0].unfinished == 4


def test_the_clock_stands_while_the_plan_is_invalid() -> None:
    """Somebody changes maxConcurrency of the step that runs, and it is put back the next day."""
    engine = sites(5)
    uid = engine.apply(ibgu("a", "Prep", concurrency=1, timeout=60))
    engine.wait(seconds=20)
    right = engine.ibgus[uid]
    for number, most in enumerate((3, 0, 1), right.metadata.generation + 1):
        [item] = right.spec.plan
        strategy = replace(item.rollout_strategy, max_concurrency=most)
        spec = replace(right.spec, plan=[replace(item, rollout_strategy=strategy)])
        engine.apply(replace(right, metadata=replace(right.metadata, generation=number), spec=spec))
        engine.wait(hours=5)
    assert engine.tracked(uid).steps[0].counts[Outcome.SUCCEEDED] == 5


def test_a_clock_that_stands_right_before_the_deadline_asks_for_no_decisions() -> None:
    engine = sites(3)
    uid = engine.apply(ibgu("a", "Prep", concurrency=1, timeout=60))
    for name in engine.spokes:
        engine.spokes[name].dark = True
        engine.touch_cluster(name)
    engine.wait(seconds=60 * 60 - 1)
    engine.annotate(uid, pause="looking into it")
    engine.settle()
    known = engine.turns
    engine.wait(hours=2)
    assert engine.turns - known < 10
    assert engine.tracked(uid).steps[0].unfinished == 3
    release(engine, uid)
    engine.wait(minutes=1)
    assert engine.tracked(uid).steps[0].unfinished == 0

"""R11: the step's clock stands while only a person's hold keeps it."""

from datetime import timedelta

from ibgu.core.drivers.ibu.actions import Stage
from ibgu.core.engine.state.snapshot import PayloadState
from ibgu.core.model import Kind, Outcome, ReasonKind
from tests.core.engine.decide.fleet import ibgu
from tests.core.engine.decide.fleets import sites


def test_the_clock_stands_while_a_persons_hold_alone_keeps_the_step() -> None:
    twin = sites(3)
    twin.payload = PayloadState(digest="one")
    uid = twin.apply(ibgu("a", "Prep", concurrency=1, timeout=60))
    twin.wait(seconds=20)
    twin.payload = PayloadState(digest="two")
    twin.wait(minutes=1)
    step = twin.tracked(uid).steps[0]
    assert step.step.stopped_since is not None
    assert not step.in_flight
    twin.wait(hours=5)
    assert twin.tracked(uid).steps[0].unfinished == 2
    twin.annotate(uid, resume="go")
    twin.wait(minutes=30)
    assert twin.tracked(uid).steps[0].counts[Outcome.SUCCEEDED] == 3
    assert twin.tracked(uid).steps[0].step.stopped > timedelta(hours=5)
    assert len(twin.told(Kind.CLOCK_STOPPED)) == len(twin.told(Kind.CLOCK_STARTED)) == 1


def test_a_hold_that_nobody_has_to_end_goes_by_itself() -> None:
    twin = sites(2)
    twin.payload = PayloadState(digest="one")
    uid = twin.apply(ibgu("a", "Prep", concurrency=1))
    twin.wait(seconds=20)
    twin.payload = PayloadState(problem="forbidden")
    twin.wait(minutes=5)
    hold = twin.tracked(uid).steps[0].step.hold
    assert hold is not None
    assert hold.kind is ReasonKind.PAYLOAD_BLOCKED
    assert twin.tracked(uid).steps[0].step.stopped_since is None
    twin.payload = PayloadState(digest="one")
    twin.touch(uid)
    twin.wait(minutes=5)
    assert twin.told(Kind.STEP_RELEASED) == ["no longer: forbidden"]
    assert twin.member(uid, 0, "site-2").outcome is Outcome.SUCCEEDED


def test_a_hold_is_resumed_while_others_are_in_flight_and_the_clock_runs_on() -> None:
    twin = sites(4)
    twin.spokes["site-1"].faults[Stage.PREP] = "slow"
    twin.payload = PayloadState(digest="one")
    uid = twin.apply(ibgu("a", "Prep", concurrency=2))
    twin.wait(seconds=20)
    twin.payload = PayloadState(digest="two")
    twin.wait(minutes=5)
    twin.annotate(uid, resume="1")
    twin.wait(minutes=10)
    assert not twin.told(Kind.CLOCK_STOPPED)
    assert twin.tracked(uid).steps[0].counts[Outcome.SUCCEEDED] == 3


def test_the_clock_runs_again_when_a_withdrawn_run_comes_back() -> None:
    twin = sites(2, "hang")
    twin.payload = PayloadState(digest="one")
    uid = twin.apply(ibgu("a", "Prep", concurrency=1))
    twin.until(Kind.RUN_ARMING)
    twin.muted.add("site-1")
    twin.deliver()
    twin.spokes["site-1"].dark = True
    twin.touch_cluster("site-1")
    twin.payload = PayloadState(digest="two")
    twin.wait(minutes=10)
    assert twin.tracked(uid).steps[0].step.stopped_since is not None
    twin.muted.clear()
    twin.spokes["site-1"].dark = False
    twin.touch_cluster("site-1")
    twin.settle()
    assert Kind.RUN_REOPENED in twin.kinds("site-1")
    step = twin.tracked(uid).steps[0].step
    assert step.stopped_since is None
    assert timedelta(minutes=8) < step.stopped < timedelta(minutes=10)

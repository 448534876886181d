"""R15: how long a member is watched for a late completion, and which members are."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from ibgu.core.drivers.ibu.actions import Stage
from ibgu.core.engine.timing.times import LATE_COMPLETION_WATCH
from ibgu.core.model import Cause, Kind, Outcome, RunResult
from tests.core.engine.decide import labels
from tests.core.engine.decide.fleet import InMemoryEngine, ibgu
from tests.core.engine.decide.invariants import Invariants


def stuck() -> InMemoryEngine:
    """site-1 was armed and ended at its limit."""
    engine = InMemoryEngine("site-1")
    Invariants(engine)
    engine.spokes["site-1"].faults[Stage.PREP] = "hang"
    engine.apply(ibgu("a", "Prep", timeout=20))
    engine.wait(minutes=30)
    assert engine.member("uid-a", 0, "site-1").watched
    return engine


def test_the_work_stays_disarmed_while_it_is_watched() -> None:
    engine = stuck()
    assert not engine.works["uid-a", "site-1"].wanted.armed


def _gone(engine: InMemoryEngine) -> None:
    del engine.spokes["site-1"]
    engine.touch_cluster("site-1")


def _recreated(engine: InMemoryEngine) -> None:
    engine.spokes["site-1"].uid += "-again"
    engine.touch_cluster("site-1")


def _deleted(engine: InMemoryEngine) -> None:
    engine.delete("uid-a")


def _old(engine: InMemoryEngine) -> None:
    engine.drive(LATE_COMPLETION_WATCH)


def _aborted(engine: InMemoryEngine) -> None:
    engine.append("uid-a", "AbortOnFailure")
    engine.wait(minutes=5)


@pytest.mark.parametrize(
    ("ends", "why"),
    [
        (_gone, "the cluster is gone"),
        (_recreated, "the cluster is gone"),
        (_deleted, "the rollout was deleted"),
        (_old, "7 days have passed"),
        (_aborted, "a later run of the cluster exists"),
    ],
)
def test_the_watch_ends(ends: Callable[[InMemoryEngine], None], why: str) -> None:
    engine = stuck()
    ends(engine)
    engine.settle()
    assert engine.told(Kind.UNWATCHED) == [why]
    assert not engine.member("uid-a", 0, "site-1").watched
    assert not list(engine.tracked("uid-a").watched())


def test_the_watch_goes_on_until_seven_days_after_the_last_steps_end() -> None:
    engine = stuck()
    ended = engine.tracked("uid-a").steps[-1].step.finished_at
    assert ended is not None
    engine.drive(ended + LATE_COMPLETION_WATCH - engine.now - timedelta(seconds=1))
    assert engine.member("uid-a", 0, "site-1").watched
    assert ("uid-a", "site-1") in engine.works
    engine.wait(seconds=2)
    assert not engine.member("uid-a", 0, "site-1").watched
    assert ("uid-a", "site-1") not in engine.works


def test_a_later_step_that_does_nothing_there_does_not_end_the_watch() -> None:
    """The later step's AbortOnFailure never reached the dark cluster."""
    engine = stuck()
    engine.spokes["site-1"].dark = True
    engine.touch_cluster("site-1")
    engine.append("uid-a", "AbortOnFailure", timeout=20)
    engine.wait(hours=1)
    assert engine.member("uid-a", 1, "site-1").cause is Cause.NEVER_STARTED
    assert engine.member("uid-a", 0, "site-1").watched


def test_a_member_that_took_back_its_run_is_watched_if_it_ends_so() -> None:
    """The cluster went dark before it showed the run: it may have taken it all the same."""
    engine = InMemoryEngine("site-1")
    Invariants(engine)
    spoke = engine.spokes["site-1"]
    engine.apply(ibgu("a", "Prep", timeout=20))
    engine.until(Kind.RUN_ARMING)
    engine.muted.add("site-1")
    engine.deliver()
    spoke.dark = True
    engine.touch_cluster("site-1")
    engine.wait(minutes=30)
    assert engine.member("uid-a", 0, "site-1").cause is Cause.NEVER_STARTED
    assert engine.labels["site-1"] == {}
    spoke.dark = False
    engine.muted.clear()
    engine.touch_cluster("site-1")
    engine.wait(minutes=5)
    member = engine.member("uid-a", 0, "site-1")
    assert member.late == "completed late, after 30 min"
    assert [done.note for done in member.completed] == [member.late]
    assert engine.labels["site-1"] == {}


def test_a_late_completion_of_a_skipped_cluster_is_noticed() -> None:
    engine = InMemoryEngine("site-1")
    before = labels.snapshot(engine)
    engine.apply(ibgu("a", "Prep"))
    engine.until(Kind.RUN_ARMING)
    engine.muted.add("site-1")
    engine.deliver()
    engine.spokes["site-1"].dark = True
    engine.touch_cluster("site-1")
    engine.wait(minutes=5)
    engine.annotate("uid-a", skip="site-1")
    engine.settle()
    engine.muted.clear()
    engine.spokes["site-1"].dark = False
    engine.touch_cluster("site-1")
    engine.wait(minutes=5)
    member = engine.member("uid-a", 0, "site-1")
    assert (member.outcome, member.completed) == (Outcome.SKIPPED, ())
    assert member.message.endswith("(completed late, after 5 min)")
    labels.check(engine, before)


def test_succeeded_and_never_armed_members_are_not_watched() -> None:
    engine = InMemoryEngine("site-1", "site-2")
    engine.spokes["site-2"].dark = True
    engine.apply(ibgu("a", "Prep", timeout=20))
    engine.wait(hours=1)
    members = engine.tracked("uid-a").steps[0].members
    assert not any(member.watched for member in members.values())


def test_a_withdrawn_run_that_was_done_by_hand_is_not_watched() -> None:
    """A hand did it while the cluster was dark: nothing can come true late."""
    engine = InMemoryEngine("site-1")
    Invariants(engine)
    spoke = engine.spokes["site-1"]
    engine.apply(ibgu("a", "Prep"))
    engine.until(Kind.RUN_ARMING)
    spoke.dark = True
    engine.touch_cluster("site-1")
    engine.wait(minutes=5)
    spoke.to(Stage.PREP)
    spoke.dark = False
    engine.touch_cluster("site-1")
    engine.wait(minutes=5)
    member = engine.member("uid-a", 0, "site-1")
    assert member.run is not None
    assert member.run.result is RunResult.WITHDRAWN
    assert (member.outcome, member.watched) == (Outcome.SUCCEEDED, False)

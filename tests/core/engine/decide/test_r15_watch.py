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
    twin = InMemoryEngine("site-1")
    Invariants(twin)
    twin.spokes["site-1"].faults[Stage.PREP] = "hang"
    twin.apply(ibgu("a", "Prep", timeout=20))
    twin.wait(minutes=30)
    assert twin.member("uid-a", 0, "site-1").watched
    return twin


def test_the_work_stays_disarmed_while_it_is_watched() -> None:
    twin = stuck()
    assert not twin.works["uid-a", "site-1"].wanted.armed


def _gone(twin: InMemoryEngine) -> None:
    del twin.spokes["site-1"]
    twin.touch_cluster("site-1")


def _recreated(twin: InMemoryEngine) -> None:
    twin.spokes["site-1"].uid += "-again"
    twin.touch_cluster("site-1")


def _deleted(twin: InMemoryEngine) -> None:
    twin.delete("uid-a")


def _old(twin: InMemoryEngine) -> None:
    twin.drive(LATE_COMPLETION_WATCH)


def _aborted(twin: InMemoryEngine) -> None:
    twin.append("uid-a", "AbortOnFailure")
    twin.wait(minutes=5)


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
    twin = stuck()
    ends(twin)
    twin.settle()
    assert twin.told(Kind.UNWATCHED) == [why]
    assert not twin.member("uid-a", 0, "site-1").watched
    assert not list(twin.tracked("uid-a").watched())


def test_the_watch_goes_on_until_seven_days_after_the_last_steps_end() -> None:
    twin = stuck()
    ended = twin.tracked("uid-a").steps[-1].step.finished_at
    assert ended is not None
    twin.drive(ended + LATE_COMPLETION_WATCH - twin.now - timedelta(seconds=1))
    assert twin.member("uid-a", 0, "site-1").watched
    assert ("uid-a", "site-1") in twin.works
    twin.wait(seconds=2)
    assert not twin.member("uid-a", 0, "site-1").watched
    assert ("uid-a", "site-1") not in twin.works


def test_a_later_step_that_does_nothing_there_does_not_end_the_watch() -> None:
    """The later step's AbortOnFailure never reached the dark cluster."""
    twin = stuck()
    twin.spokes["site-1"].dark = True
    twin.touch_cluster("site-1")
    twin.append("uid-a", "AbortOnFailure", timeout=20)
    twin.wait(hours=1)
    assert twin.member("uid-a", 1, "site-1").cause is Cause.NEVER_STARTED
    assert twin.member("uid-a", 0, "site-1").watched


def test_a_member_that_took_back_its_run_is_watched_if_it_ends_so() -> None:
    """The cluster went dark before it showed the run: it may have taken it all the same."""
    twin = InMemoryEngine("site-1")
    Invariants(twin)
    spoke = twin.spokes["site-1"]
    twin.apply(ibgu("a", "Prep", timeout=20))
    twin.until(Kind.RUN_ARMING)
    twin.muted.add("site-1")
    twin.deliver()
    spoke.dark = True
    twin.touch_cluster("site-1")
    twin.wait(minutes=30)
    assert twin.member("uid-a", 0, "site-1").cause is Cause.NEVER_STARTED
    assert twin.labels["site-1"] == {}
    spoke.dark = False
    twin.muted.clear()
    twin.touch_cluster("site-1")
    twin.wait(minutes=5)
    member = twin.member("uid-a", 0, "site-1")
    assert member.late == "completed late, after 30 min"
    assert member.message.endswith(f"({member.late})")
    assert twin.labels["site-1"] == {}


def test_a_late_completion_of_a_skipped_cluster_is_noticed() -> None:
    twin = InMemoryEngine("site-1")
    before = labels.snapshot(twin)
    twin.apply(ibgu("a", "Prep"))
    twin.until(Kind.RUN_ARMING)
    twin.muted.add("site-1")
    twin.deliver()
    twin.spokes["site-1"].dark = True
    twin.touch_cluster("site-1")
    twin.wait(minutes=5)
    twin.annotate("uid-a", skip="site-1")
    twin.settle()
    twin.muted.clear()
    twin.spokes["site-1"].dark = False
    twin.touch_cluster("site-1")
    twin.wait(minutes=5)
    member = twin.member("uid-a", 0, "site-1")
    assert (member.outcome, member.completed) == (Outcome.SKIPPED, ())
    assert member.late == "completed late, after 5 min"
    labels.check(twin, before)


def test_succeeded_and_never_armed_members_are_not_watched() -> None:
    twin = InMemoryEngine("site-1", "site-2")
    twin.spokes["site-2"].dark = True
    twin.apply(ibgu("a", "Prep", timeout=20))
    twin.wait(hours=1)
    members = twin.tracked("uid-a").steps[0].members
    assert not any(member.watched for member in members.values())


def test_a_withdrawn_run_that_was_done_by_hand_is_not_watched() -> None:
    """A hand did it while the cluster was dark: nothing can come true late."""
    twin = InMemoryEngine("site-1")
    Invariants(twin)
    spoke = twin.spokes["site-1"]
    twin.apply(ibgu("a", "Prep"))
    twin.until(Kind.RUN_ARMING)
    spoke.dark = True
    twin.touch_cluster("site-1")
    twin.wait(minutes=5)
    spoke.to(Stage.PREP)
    spoke.dark = False
    twin.touch_cluster("site-1")
    twin.wait(minutes=5)
    member = twin.member("uid-a", 0, "site-1")
    assert member.run is not None
    assert member.run.result is RunResult.WITHDRAWN
    assert (member.outcome, member.watched) == (Outcome.SUCCEEDED, False)

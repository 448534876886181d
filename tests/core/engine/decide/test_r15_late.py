"""R15: a late completion is noticed, reported, and starts nothing."""

import pytest

from ibgu.core.drivers.ibu.actions import Stage
from ibgu.core.model import Cause, Kind, Outcome, Preempt, StepState
from tests.core.engine.decide.fleet import InMemoryEngine, ibgu
from tests.core.engine.decide.invariants import Invariants
from tests.core.engine.decide.spoke import told

FAILED = "lcm.openshift.io/ibgu-prep-failed"
COMPLETED = "lcm.openshift.io/ibgu-prep-completed"


def too_slow(*plan: str, action: Stage = Stage.PREP) -> InMemoryEngine:
    """site-1 takes an hour, and the step allows 20 minutes."""
    twin = InMemoryEngine("site-1")
    Invariants(twin)
    twin.spokes["site-1"].faults[action] = "slow"
    twin.apply(ibgu("a", *(plan or ("Prep",)), timeout=20))
    twin.wait(minutes=30)
    member = twin.member("uid-a", 0, "site-1")
    assert member.watched
    return twin


def test_a_late_completion_is_recorded_and_changes_the_label() -> None:
    twin = too_slow()
    assert set(twin.labels["site-1"]) == {FAILED}
    twin.wait(hours=1)
    member = twin.member("uid-a", 0, "site-1")
    assert member.late == "completed late, after 60 min"
    assert twin.told(Kind.COMPLETED_LATE) == [member.late]
    assert set(twin.labels["site-1"]) == {COMPLETED}
    assert [(done.action, done.note) for done in member.completed] == [("Prep", member.late)]
    assert member.failed_action is None
    assert not member.watched


def test_the_outcome_in_the_history_stays() -> None:
    twin = too_slow()
    twin.wait(hours=1)
    member = twin.member("uid-a", 0, "site-1")
    assert (member.outcome, member.cause) == (Outcome.FAILED, Cause.TIMED_OUT)
    assert twin.told(Kind.STEP_FINISHED) == ["step 1 is finished: 1 failed"]


@pytest.mark.parametrize("left", [{}, {COMPLETED: ""}, {"site": "north"}])
def test_the_label_stays_as_somebody_has_left_it(left: dict[str, str]) -> None:
    twin = too_slow()
    twin.labels["site-1"] = dict(left)
    twin.wait(hours=1)
    member = twin.member("uid-a", 0, "site-1")
    assert twin.labels["site-1"] == left
    assert member.late == "completed late, after 60 min"
    assert member.message.endswith("(completed late, after 60 min)")
    assert member.completed == ()


def test_a_failed_label_that_is_not_ours_does_not_make_it_ours() -> None:
    """The run was preempted, and so gave no label; someone else's stands."""
    twin = InMemoryEngine("site-1")
    spoke = twin.spokes["site-1"]
    spoke.faults[Stage.PREP] = "slow"
    twin.apply(ibgu("a", "Prep", age=10))
    twin.wait(minutes=1)
    twin.frozen.add("site-1")
    twin.apply(ibgu("b", "Abort", timeout=20))
    twin.wait(minutes=40)
    assert twin.member("uid-a", 0, "site-1").cause is Cause.PREEMPTED
    twin.labels["site-1"] = {FAILED: ""}
    twin.frozen.clear()
    twin.wait(hours=1)
    member = twin.member("uid-a", 0, "site-1")
    assert member.late
    assert member.completed == ()
    assert twin.labels["site-1"] == {FAILED: ""}


def test_a_late_completion_starts_nothing() -> None:
    """The next step has its members already; this one is not among them."""
    twin = too_slow("Prep", "Upgrade")
    twin.wait(hours=5)
    assert COMPLETED in twin.labels["site-1"]
    assert [stage for _, stage in twin.spokes["site-1"].executed] == [Stage.PREP]
    assert twin.tracked("uid-a").steps[1].step.total == 0


def test_a_late_completion_is_noticed_in_the_turn_that_opens_the_next_step() -> None:
    twin = too_slow()
    twin.append("uid-a", "Upgrade")
    twin.turn()
    assert twin.tracked("uid-a").steps[1].step.state is StepState.OPENING
    twin.spokes["site-1"].conditions["PrepCompleted"] = told("True", "Completed")
    twin.agents()
    kinds = [d.kind for d in twin.turn() if not isinstance(d, Preempt)]
    assert Kind.STEP_STARTED in kinds
    assert Kind.COMPLETED_LATE in kinds


def test_a_chain_does_not_go_on_late() -> None:
    twin = too_slow("Prep Upgrade")
    twin.wait(hours=5)
    member = twin.member("uid-a", 0, "site-1")
    assert [done.action for done in member.completed] == ["Prep"]
    assert [stage for _, stage in twin.spokes["site-1"].executed] == [Stage.PREP]


def test_a_lateness_of_seconds_is_given_in_seconds() -> None:
    twin = InMemoryEngine("site-1")
    spoke = twin.spokes["site-1"]
    twin.apply(ibgu("a", "Prep"))
    twin.until(Kind.RUN_ACCEPTED)
    twin.wait(seconds=5)
    spoke.conditions["PrepCompleted"] = told("False", "Failed")
    twin.agents()
    twin.settle()
    assert twin.member("uid-a", 0, "site-1").outcome is Outcome.FAILED
    spoke.conditions["PrepCompleted"] = told("True", "Completed")
    twin.agents()
    twin.settle()
    assert twin.member("uid-a", 0, "site-1").late == "completed late, after 5 s"


def test_the_details_of_a_failure_are_filled_in() -> None:
    """The cluster tells them a moment after the failure (R10.1)."""
    twin = InMemoryEngine("site-1")
    spoke = twin.spokes["site-1"]
    twin.apply(ibgu("a", "Prep"))
    twin.until(Kind.RUN_ACCEPTED)
    twin.wait(seconds=5)
    spoke.conditions["PrepCompleted"] = told("False", "Failed", "Prep failed")
    twin.agents()
    twin.settle()
    assert twin.member("uid-a", 0, "site-1").message == "Prep failed"
    spoke.conditions["PrepInProgress"] = told("False", "Failed", "no space on /var")
    twin.agents()
    twin.settle()
    member = twin.member("uid-a", 0, "site-1")
    assert member.message == "no space on /var"
    assert member.run is not None
    assert member.run.message == "no space on /var"
    assert member.outcome is Outcome.FAILED


def test_a_failure_that_is_taken_back_fills_nothing_in() -> None:
    """The action runs again by a hand, with other words: these are not the failure's."""
    twin = InMemoryEngine("site-1")
    spoke = twin.spokes["site-1"]
    spoke.faults[Stage.PREP] = "fail"
    twin.apply(ibgu("a", "Prep"))
    twin.wait(minutes=5)
    before = twin.member("uid-a", 0, "site-1")
    spoke.conditions.pop("PrepCompleted")
    spoke.conditions["PrepInProgress"] = told("True", "InProgress", "once more")
    twin.agents()
    twin.settle()
    assert twin.member("uid-a", 0, "site-1") == before


def test_a_run_that_hit_its_limit_and_then_fails_keeps_its_message() -> None:
    twin = too_slow()
    spoke = twin.spokes["site-1"]
    before = twin.member("uid-a", 0, "site-1").message
    spoke.conditions["PrepCompleted"] = told("False", "Failed", "Prep failed")
    twin.agents()
    twin.settle()
    assert twin.member("uid-a", 0, "site-1").message == before


def test_feedback_of_an_unreachable_cluster_is_ignored() -> None:
    twin = too_slow()
    spoke = twin.spokes["site-1"]
    spoke.conditions["PrepCompleted"] = told("True", "Completed")
    twin.agents()
    spoke.dark = True
    twin.settle()
    assert twin.member("uid-a", 0, "site-1").late == ""
    spoke.dark = False
    twin.touch_cluster("site-1")
    twin.settle()
    assert twin.member("uid-a", 0, "site-1").late != ""

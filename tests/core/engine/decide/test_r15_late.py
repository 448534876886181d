"""R15: a late completion is noticed, reported, and starts nothing."""

import pytest
from msgspec.structs import replace

from ibgu.core.drivers.ibu.actions import Stage
from ibgu.core.engine.state.action_ends import ActionEnd, end_of, seed_end_of
from ibgu.core.engine.state.failures import failure_of
from ibgu.core.model import Cause, Kind, MemberState, Outcome, Preempt, StepState
from ibgu.core.recover import lost
from ibgu.core.views.status.phase import Phase, phase_of
from tests.core.engine.decide.fleet import InMemoryEngine, ibgu
from tests.core.engine.decide.invariants import Invariants
from tests.core.engine.decide.spoke import told

FAILED = "lcm.openshift.io/ibgu-prep-failed"
COMPLETED = "lcm.openshift.io/ibgu-prep-completed"


def too_slow(*plan: str, action: Stage = Stage.PREP) -> InMemoryEngine:
    """site-1 takes an hour, and the step allows 20 minutes."""
    engine = InMemoryEngine("site-1")
    Invariants(engine)
    engine.spokes["site-1"].faults[action] = "slow"
    engine.apply(ibgu("a", *(plan or ("Prep",)), timeout=20))
    engine.wait(minutes=30)
    member = engine.member("uid-a", 0, "site-1")
    assert member.watched
    return engine


def test_a_late_completion_is_recorded_and_changes_the_label() -> None:
    engine = too_slow()
    assert set(engine.labels["site-1"]) == {FAILED}
    engine.wait(hours=1)
    member = engine.member("uid-a", 0, "site-1")
    assert member.late == "completed late, after 60 min"
    assert engine.told(Kind.COMPLETED_LATE) == [member.late]
    assert set(engine.labels["site-1"]) == {COMPLETED}
    assert [(done.action, done.note) for done in member.completed] == [("Prep", member.late)]
    assert member.failed_action is None
    assert not member.watched


def test_the_outcome_in_the_history_stays() -> None:
    engine = too_slow()
    engine.wait(hours=1)
    member = engine.member("uid-a", 0, "site-1")
    assert (member.outcome, member.cause) == (Outcome.FAILED, Cause.TIMED_OUT)
    assert engine.told(Kind.STEP_FINISHED) == ["step 1 is finished: 1 failed"]


@pytest.mark.parametrize("left", [{}, {COMPLETED: ""}, {"site": "north"}])
def test_the_label_stays_as_somebody_has_left_it(left: dict[str, str]) -> None:
    engine = too_slow()
    engine.labels["site-1"] = dict(left)
    engine.wait(hours=1)
    member = engine.member("uid-a", 0, "site-1")
    assert engine.labels["site-1"] == left
    assert member.late == "completed late, after 60 min"
    assert [done.note for done in member.completed] == [member.late]
    assert member.failed_action is None
    kind = engine.tracked("uid-a").rollout.kind
    put_back = lost([engine.tracked("uid-a")], {}, engine.cluster, {("site-1", kind): "uid-a"})
    assert list(put_back) == []


@pytest.mark.parametrize("plan", ["Prep", "Prep Upgrade"])
def test_a_failed_label_that_is_not_ours_does_not_make_it_ours(plan: str) -> None:
    """The run was preempted, and so gave no label; someone else's stands."""
    engine = InMemoryEngine("site-1")
    spoke = engine.spokes["site-1"]
    spoke.faults[Stage.PREP] = "slow"
    engine.apply(ibgu("a", plan, age=10))
    engine.wait(minutes=1)
    engine.frozen.add("site-1")
    engine.apply(ibgu("b", "Abort", timeout=20))
    engine.wait(minutes=40)
    assert engine.member("uid-a", 0, "site-1").cause is Cause.PREEMPTED
    engine.labels["site-1"] = {FAILED: ""}
    engine.frozen.clear()
    engine.wait(hours=1)
    member = engine.member("uid-a", 0, "site-1")
    assert member.late == ""
    assert " (completed late, after " in member.message
    assert (member.outcome, member.cause) == (Outcome.CANCELLED, Cause.PREEMPTED)
    assert member.completed == ()
    assert engine.labels["site-1"] == {FAILED: ""}


def test_a_late_completion_starts_nothing() -> None:
    """The next step has its members already; this one is not among them."""
    engine = too_slow("Prep", "Upgrade")
    engine.wait(hours=5)
    assert COMPLETED in engine.labels["site-1"]
    assert [stage for _, stage in engine.spokes["site-1"].executed] == [Stage.PREP]
    assert engine.tracked("uid-a").steps[1].step.total == 0


def test_a_late_completion_is_noticed_in_the_turn_that_opens_the_next_step() -> None:
    engine = too_slow()
    engine.append("uid-a", "Upgrade")
    engine.turn()
    assert engine.tracked("uid-a").steps[1].step.state is StepState.OPENING
    engine.spokes["site-1"].conditions["PrepCompleted"] = told("True", "Completed")
    engine.agents()
    kinds = [d.kind for d in engine.turn() if not isinstance(d, Preempt)]
    assert Kind.STEP_STARTED in kinds
    assert Kind.COMPLETED_LATE in kinds


def test_a_chain_does_not_go_on_late() -> None:
    engine = too_slow("Prep Upgrade")
    engine.wait(hours=5)
    member = engine.member("uid-a", 0, "site-1")
    assert [done.action for done in member.completed] == ["Prep"]
    assert [stage for _, stage in engine.spokes["site-1"].executed] == [Stage.PREP]


def test_a_cluster_that_completes_one_action_late_has_failed_at_the_next() -> None:
    engine = too_slow("Prep Upgrade")
    engine.wait(hours=1)
    member = engine.member("uid-a", 0, "site-1")
    assert engine.told(Kind.COMPLETED_LATE) == [member.message]
    assert (member.failed_action, member.cause) == ("Upgrade", Cause.NEVER_STARTED)
    assert member.message == (
        "Prep completed late, after 60 min; Upgrade does not begin any more in this step"
    )
    assert member.late == ""
    assert set(engine.labels["site-1"]) == {COMPLETED}
    rollout, counts = engine.tracked("uid-a").rollout, engine.tracked("uid-a").counts
    newest = engine.tracked("uid-a").steps[-1].step
    assert phase_of(rollout, newest, counts) is Phase.COMPLETED_WITH_FAILURES


def test_a_chain_whose_failed_label_is_gone_has_failed_at_the_next_action_too() -> None:
    engine = too_slow("Prep Upgrade")
    engine.labels["site-1"] = {}
    engine.wait(hours=1)
    member = engine.member("uid-a", 0, "site-1")
    assert (member.failed_action, member.cause) == ("Upgrade", Cause.NEVER_STARTED)
    assert failure_of(member) is None
    assert engine.labels["site-1"] == {}
    assert engine.tracked("uid-a").counts.failed == 1


def test_an_upgrade_that_completes_late_in_a_chain_speaks_for_its_seed_image() -> None:
    engine = InMemoryEngine("site-1", "site-2")
    Invariants(engine)
    engine.spokes["site-1"].faults[Stage.UPGRADE] = "slow"
    engine.apply(ibgu("a", "Prep", "Upgrade FinalizeUpgrade", timeout=20))
    engine.wait(hours=10)
    member = engine.member("uid-a", 1, "site-1")
    assert [done.action for done in member.completed] == ["Upgrade"]
    assert (member.failed_action, member.late) == ("FinalizeUpgrade", "")
    assert seed_end_of(member) == ActionEnd(member.completed[0].at, "site-1")
    assert end_of(member) is None
    counts = engine.tracked("uid-a").counts
    assert (counts.succeeded, counts.failed) == (1, 1)


def test_a_lateness_of_seconds_is_given_in_seconds() -> None:
    engine = InMemoryEngine("site-1")
    spoke = engine.spokes["site-1"]
    engine.apply(ibgu("a", "Prep"))
    engine.until(Kind.RUN_ACCEPTED)
    engine.wait(seconds=5)
    spoke.conditions["PrepCompleted"] = told("False", "Failed")
    engine.agents()
    engine.settle()
    assert engine.member("uid-a", 0, "site-1").outcome is Outcome.FAILED
    spoke.conditions["PrepCompleted"] = told("True", "Completed")
    engine.agents()
    engine.settle()
    assert engine.member("uid-a", 0, "site-1").late == "completed late, after 5 s"


def test_the_end_of_a_step_counts_a_late_completion_as_a_success() -> None:
    engine = InMemoryEngine("site-1", "site-2")
    spoke = engine.spokes["site-1"]
    engine.apply(ibgu("a", "Prep", concurrency=1))
    engine.until(Kind.RUN_ACCEPTED)
    engine.wait(seconds=5)
    for status, reason in (("False", "Failed"), ("True", "Completed")):
        spoke.conditions["PrepCompleted"] = told(status, reason)
        engine.agents()
        engine.settle()
    assert engine.member("uid-a", 0, "site-1").outcome is Outcome.FAILED
    engine.drive()
    assert engine.told(Kind.STEP_FINISHED) == ["step 1 is finished: 2 succeeded"]


def test_the_details_of_a_failure_are_filled_in() -> None:
    """The cluster tells them a moment after the failure (R10.1)."""
    engine = InMemoryEngine("site-1")
    spoke = engine.spokes["site-1"]
    engine.apply(ibgu("a", "Prep"))
    engine.until(Kind.RUN_ACCEPTED)
    engine.wait(seconds=5)
    spoke.conditions["PrepCompleted"] = told("False", "Failed", "Prep failed")
    engine.agents()
    engine.settle()
    assert engine.member("uid-a", 0, "site-1").message == "Prep failed"
    spoke.conditions["PrepInProgress"] = told("False", "Failed", "no space on /var")
    engine.agents()
    engine.settle()
    member = engine.member("uid-a", 0, "site-1")
    assert member.message == "no space on /var"
    assert member.run is not None
    assert member.run.message == "no space on /var"
    assert member.outcome is Outcome.FAILED


def test_a_failure_that_is_taken_back_fills_nothing_in() -> None:
    """The action runs again by a hand, with other words: these are not the failure's."""
    engine = InMemoryEngine("site-1")
    spoke = engine.spokes["site-1"]
    spoke.faults[Stage.PREP] = "fail"
    engine.apply(ibgu("a", "Prep"))
    engine.wait(minutes=5)
    before = engine.member("uid-a", 0, "site-1")
    spoke.conditions.pop("PrepCompleted")
    spoke.conditions["PrepInProgress"] = told("True", "InProgress", "once more")
    engine.agents()
    engine.settle()
    assert engine.member("uid-a", 0, "site-1") == before


def test_a_run_that_hit_its_limit_and_then_fails_keeps_its_message() -> None:
    engine = too_slow()
    spoke = engine.spokes["site-1"]
    before = engine.member("uid-a", 0, "site-1").message
    spoke.conditions["PrepCompleted"] = told("False", "Failed", "Prep failed")
    engine.agents()
    engine.settle()
    assert engine.member("uid-a", 0, "site-1").message == before


def test_feedback_of_an_unreachable_cluster_is_ignored() -> None:
    engine = too_slow()
    spoke = engine.spokes["site-1"]
    spoke.conditions["PrepCompleted"] = told("True", "Completed")
    engine.agents()
    spoke.dark = True
    engine.settle()
    assert engine.member("uid-a", 0, "site-1").late == ""
    spoke.dark = False
    engine.touch_cluster("site-1")
    engine.settle()
    assert engine.member("uid-a", 0, "site-1").late != ""


def behind_a_slow_abort(first: str = "Prep") -> InMemoryEngine:
    """site-2 waits in AbortOnFailure until site-1 is back at Idle, which takes an hour."""
    engine = InMemoryEngine("site-1", "site-2")
    Invariants(engine)
    for spoke in engine.spokes.values():
        spoke.faults[Stage.PREP] = "slow"
    engine.spokes["site-1"].faults[Stage.IDLE] = "slow"
    obj = ibgu("a", first, "AbortOnFailure", timeout=20)
    slowly = replace(obj.spec.plan[1].rollout_strategy, max_concurrency=1, timeout=6000)
    plan = [obj.spec.plan[0], replace(obj.spec.plan[1], rollout_strategy=slowly)]
    engine.apply(replace(obj, spec=replace(obj.spec, plan=plan)))
    return engine


def test_a_cluster_that_is_to_be_taken_back_does_not_complete_late() -> None:
    engine = behind_a_slow_abort()
    engine.wait(hours=3)
    assert engine.told(Kind.COMPLETED_LATE) == []
    assert [m.outcome for m in engine.tracked("uid-a").steps[1].members.values()] == [
        Outcome.SUCCEEDED,
        Outcome.SUCCEEDED,
    ]
    assert engine.tracked("uid-a").counts.failed == 2
    assert engine.labels["site-2"] == {}


def test_a_cluster_that_a_person_takes_out_of_the_abort_completes_late() -> None:
    engine = behind_a_slow_abort()
    engine.wait(minutes=65)
    assert engine.member("uid-a", 0, "site-2").late == ""
    engine.annotate("uid-a", skip="site-2")
    engine.settle()
    assert engine.member("uid-a", 1, "site-2").outcome is Outcome.SKIPPED
    assert engine.member("uid-a", 0, "site-2").late
    engine.wait(minutes=1)
    assert set(engine.labels["site-2"]) == {COMPLETED}


def test_an_upgrade_completes_late_though_an_abort_waits_for_its_cluster() -> None:
    """No Abort may reach it any more (R8.1), and the IBGU may be deleted before that is said."""
    engine = behind_a_slow_abort("Prep Upgrade")
    for spoke in engine.spokes.values():
        del spoke.faults[Stage.PREP]
    engine.spokes["site-1"].faults[Stage.UPGRADE] = "hang"
    engine.spokes["site-2"].faults[Stage.UPGRADE] = "slow"
    engine.wait(minutes=40)
    engine.annotate("uid-a", pause="1")
    engine.wait(hours=10)
    assert engine.member("uid-a", 1, "site-2").state is MemberState.WAITING
    assert engine.member("uid-a", 0, "site-2").late == "completed late, after 542 min"
    assert "lcm.openshift.io/ibgu-upgrade-completed" in engine.labels["site-2"]


def test_a_withdrawn_run_that_its_cluster_carried_out_late_has_succeeded() -> None:
    engine = InMemoryEngine("site-1")
    engine.spokes["site-1"].faults[Stage.PREP] = "slow"
    engine.apply(ibgu("a", "Prep", timeout=20))
    engine.until(Kind.RUN_ARMING)
    engine.muted.add("site-1")
    engine.wait(seconds=5)
    engine.spokes["site-1"].dark = True
    engine.touch_cluster("site-1")
    engine.wait(minutes=40)
    assert engine.member("uid-a", 0, "site-1").cause is Cause.NEVER_STARTED
    engine.muted.clear()
    engine.spokes["site-1"].dark = False
    engine.touch_cluster("site-1")
    engine.wait(hours=2)
    member = engine.member("uid-a", 0, "site-1")
    assert member.late
    assert [done.unlabelled for done in member.completed] == [True]
    assert engine.labels["site-1"] == {}
    assert engine.tracked("uid-a").counts.succeeded == 1

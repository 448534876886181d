"""R27.1: `status.clusters[]`, row by row of the rule's table."""

from typing import Any

import pytest

from ibgu.core.drivers.ibu.actions import Action, Stage
from ibgu.core.model import Cause, MemberState, Outcome, RunResult, RunState
from ibgu.core.views.status.entries import MAX_MESSAGE
from tests.core.engine.decide.fleet import InMemoryEngine, ibgu
from tests.core.engine.state.records import (
    book_of,
    done,
    failed,
    in_flight,
    member,
    rollout,
    run,
    step,
)
from tests.core.views.status.listed import entries


def entry(*members: Any) -> Any:
    """The one entry that these members of one cluster make, a step each."""
    steps = [step(index=index) for index in range(len(members))]
    (found,) = entries(book_of(rollout(), steps, members))
    assert found.pop("name") == "site-1"
    return found


def test_every_member_of_a_started_step_has_one_entry_in_natural_order() -> None:
    members = [member("site-10"), done("site-9", Action.PREP), in_flight("site-2")]
    members += [member("site-9", step=1)]
    found = entries(book_of(rollout(), [step(), step(index=1)], members))
    assert [entry["name"] for entry in found] == ["site-2", "site-9", "site-10"]


def test_a_waiting_member_has_only_its_name() -> None:
    assert entry(member()) == {}


def test_there_are_no_entries_before_the_first_step() -> None:
    assert entries(book_of(rollout())) == []


@pytest.mark.parametrize("state", [RunState.ARMING, RunState.ARMED, RunState.ACCEPTED])
def test_the_current_action_is_shown_from_arming_to_the_end(state: RunState) -> None:
    found = entry(in_flight(run=run(state=state), words="Stateroot setup"))
    assert found == {"currentAction": {"action": "Prep", "message": "Stateroot setup"}}


def test_an_action_that_takes_another_run_is_still_the_current_one() -> None:
    continued = run(state=RunState.ENDED, result=RunResult.CONTINUED)
    found = entry(in_flight(run=continued, words="hop 2 of 2"))
    assert found == {"currentAction": {"action": "Prep", "message": "hop 2 of 2"}}


@pytest.mark.parametrize(
    "not_armed",
    [
        run(state=RunState.INTENDED, arming_at=None),
        run(state=RunState.ENDED, result=RunResult.LIMIT),
        None,
    ],
)
def test_nothing_is_current_before_arming_and_after_the_end(not_armed: Any) -> None:
    assert entry(in_flight(run=not_armed)) == {}


def test_the_current_actions_words_are_cut() -> None:
    message = entry(in_flight(words="x" * (MAX_MESSAGE + 1)))["currentAction"]["message"]
    assert message == "x" * MAX_MESSAGE


def test_an_action_without_words_has_no_message() -> None:
    assert entry(in_flight(words="")) == {"currentAction": {"action": "Prep"}}


def test_completed_actions_are_kept_for_all_steps_in_plan_order() -> None:
    first = done("site-1", Action.PREP, Action.UPGRADE)
    second = done("site-1", Action.FINALIZE_UPGRADE, step=1)
    actions = [{"action": "Prep"}, {"action": "Upgrade"}, {"action": "FinalizeUpgrade"}]
    assert entry(first, second) == {"completedActions": actions}


def test_an_aim_that_was_reached_already_says_so() -> None:
    found = entry(done("site-1", Action.PREP, note="was already prepared"))
    assert found["completedActions"] == [{"action": "Prep", "message": "was already prepared"}]


@pytest.mark.parametrize(
    ("cause", "message", "outcome", "shown"),
    [
        (Cause.PREP_FAILED, "no disk", Outcome.FAILED, "PrepFailed: no disk"),
        (
            Cause.PREP_FAILED,
            "precache job failed",
            Outcome.FAILED,
            "PrepFailed (PrecacheFailed): precache job failed",
        ),
        (Cause.TIMED_OUT, "Action did not", Outcome.FAILED, "TimedOut: Action did not"),
        (Cause.WRONG_STATE, "another seed", Outcome.FAILED, "WrongState: another seed"),
        (Cause.PREEMPTED, "cancelled by a/b", Outcome.CANCELLED, "Preempted: cancelled by a/b"),
        (Cause.CANCELLED, "cancelled by a/b", Outcome.CANCELLED, "Cancelled: cancelled by a/b"),
        (Cause.TAKEN_OVER, "by hand", Outcome.FAILED, "TakenOver: by hand"),
        (Cause.GONE, "was deleted", Outcome.FAILED, "ClusterGone: was deleted"),
        (Cause.NEVER_STARTED, "waited", Outcome.FAILED, "NeverStarted: waited"),
        (None, "words alone", Outcome.FAILED, "words alone"),
    ],
)
def test_an_unsuccessful_action_shows_its_cause_and_message(
    cause: Cause | None, message: str, outcome: Outcome, shown: str
) -> None:
    found = entry(
        member(
            state=MemberState.FINISHED,
            outcome=outcome,
            cause=cause,
            message=message,
            failed_action=Action.PREP,
        )
    )
    assert found == {"failedActions": [{"action": "Prep", "message": shown}]}


def test_a_failed_member_keeps_what_it_had_completed() -> None:
    engine = InMemoryEngine("site-1")
    engine.spokes["site-1"].faults[Stage.UPGRADE] = "fail"
    uid = engine.apply(ibgu("a", "Prep Upgrade FinalizeUpgrade"))
    engine.wait(hours=1)
    (found,) = entries(engine.tracked(uid))
    assert found["completedActions"] == [{"action": "Prep"}]
    assert [failure["action"] for failure in found["failedActions"]] == ["Upgrade"]
    assert "currentAction" not in found


def test_a_member_that_a_person_skipped_has_no_entry_for_the_action() -> None:
    skipped = member(
        step=1,
        state=MemberState.FINISHED,
        outcome=Outcome.SKIPPED,
        cause=Cause.SKIPPED,
        message="skipped via the hub",
    )
    assert entry(done("site-1", Action.PREP), skipped) == {"completedActions": [{"action": "Prep"}]}


def test_failures_of_two_steps_are_both_shown() -> None:
    found = entry(
        failed("site-1", Action.PREP, message="no disk", cause=Cause.PREP_FAILED),
        failed("site-1", Action.ABORT, message="stuck", cause=Cause.ABORT_FAILED, step=1),
    )
    assert [failure["action"] for failure in found["failedActions"]] == ["Prep", "Abort"]


@pytest.mark.parametrize("labelled", [True, False])
def test_a_late_completion_moves_to_the_completed_actions(labelled: bool) -> None:
    engine = InMemoryEngine("site-1")
    engine.spokes["site-1"].faults[Stage.PREP] = "slow"
    uid = engine.apply(ibgu("a", "Prep", timeout=20))
    engine.wait(minutes=30)
    assert "failedActions" in entries(engine.tracked(uid))[0]
    if not labelled:
        engine.labels["site-1"].clear()
    engine.wait(hours=1)
    words = "completed late, after 60 min"
    completed = [{"action": "Prep", "message": words}]
    assert entries(engine.tracked(uid)) == [{"name": "site-1", "completedActions": completed}]


def test_a_late_completion_with_more_to_come_leaves_a_failure() -> None:
    engine = InMemoryEngine("site-1")
    engine.spokes["site-1"].faults[Stage.PREP] = "slow"
    uid = engine.apply(ibgu("a", "Prep Upgrade", timeout=20))
    engine.wait(minutes=90)
    late = "completed late, after 60 min"
    why = f"NeverStarted: Prep {late}; Upgrade does not begin any more in this step"
    assert entries(engine.tracked(uid)) == [
        {
            "name": "site-1",
            "completedActions": [{"action": "Prep", "message": late}],
            "failedActions": [{"action": "Upgrade", "message": why}],
        }
    ]


def test_a_warning_stands_with_prep() -> None:
    found = entry(done("site-1", Action.PREP, Action.UPGRADE, warning="Thing[1] - not deployed"))
    assert found["completedActions"] == [
        {"action": "Prep", "message": "warning: Thing[1] - not deployed"},
        {"action": "Upgrade"},
    ]

"""The rebuilt state of one member, by what the hub shows of it."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ibgu.core.drivers.ibu.actions import Action
from ibgu.core.engine.decide.member.ending import labelled
from ibgu.core.engine.works.trace import Trace, traces_of
from ibgu.core.model import Cause, Member, MemberState, Outcome, RunResult, RunState
from ibgu.core.model.transitions import take_slot
from ibgu.core.recover.former_status import StatusAction
from ibgu.core.recover.member_signs import (
    NOTHING_KNOWN,
    MemberSigns,
    ResumedMember,
    member_from_signs,
)
from ibgu.core.recover.placing import StepPart
from tests.core.engine.state.records import NOW, done, in_flight, member, run
from tests.core.recover.objects import work

CHAIN = (Action.PREP, Action.UPGRADE)
LATER = NOW + timedelta(hours=1)
STARTED = datetime(2026, 1, 1, 10, tzinfo=UTC)
LIMIT = datetime(2026, 1, 1, 14, tzinfo=UTC)
MARKS = {"started": "2026-01-01T10:00:00Z", "limit": "2026-01-01T14:00:00Z", "attempt": "2"}


def trace(action: str = "Prep", *, echo: str = "", **marks: str) -> Trace:
    given = {"action": action, **MARKS, **marks}
    return traces_of([work("site-1", "run-9", echo=echo, **given)])["site-1"]


def told(*completed: str, failed: str = "", words: str = "") -> StepPart:
    done_ = tuple(StatusAction(action) for action in completed)
    return StepPart(done_, StatusAction(failed, words) if failed else None)


def became(before: Member, *, over: bool = False, **signs: Any) -> Member:
    told = {"now": LATER, "told_at": LATER, "created_at": NOW} | signs
    found = member_from_signs(before, CHAIN, MemberSigns(over=over, **told))
    if isinstance(found, ResumedMember):
        return take_slot(found.member, found.run, slot=1, limit=found.limit or LATER)
    return found


def test_a_member_without_traces_on_the_hub_is_unchanged() -> None:
    for before in (member(), in_flight(), done()):
        assert became(before) is before


def test_a_finished_member_stays_as_it_is() -> None:
    before = done("site-1", *CHAIN)
    assert became(before, part=told(failed="Prep"), trace=trace()) is before


def test_a_member_with_all_actions_completed_has_succeeded() -> None:
    found = became(member(), part=told("Prep", "Upgrade"))
    assert (found.state, found.outcome) == (MemberState.FINISHED, Outcome.SUCCEEDED)
    assert [one.action for one in found.completed] == list(CHAIN)
    assert (found.run, found.ended_at, found.watched) == (None, LATER, False)


def test_the_work_knows_more_than_the_status() -> None:
    found = became(member(), part=told("Prep"), trace=trace("Upgrade", outcome="succeeded"))
    assert found.outcome is Outcome.SUCCEEDED
    assert found.run is not None
    assert (found.run.id, found.run.result) == ("run-9", RunResult.SUCCEEDED)
    assert (found.run.intended_at, found.run.disarmed) == (STARTED, True)


def test_the_work_has_gone_on_to_a_later_action() -> None:
    """Anyone who is in its last action has the ones before behind it, whatever the status tells."""
    found = became(member(), trace=trace("Upgrade", echo="run-9 Upgrade"))
    assert (found.state, found.action_index, found.attempts) == (MemberState.IN_FLIGHT, 1, 2)
    (passed,) = found.completed
    assert passed.action == Action.PREP
    assert passed.note == "imported from the hub: its work has gone on to Upgrade"
    assert found.run is not None
    assert (found.run.action, found.run.state) == (Action.UPGRADE, RunState.ACCEPTED)


def test_a_later_action_that_nobody_took_is_the_one_that_waits() -> None:
    found = became(member(), trace=trace("Upgrade"))
    assert (found.state, found.action_index) == (MemberState.WAITING, 1)


def test_a_later_action_has_failed() -> None:
    found = became(member(), trace=trace("Upgrade", outcome="failed"))
    assert (found.outcome, found.failed_action) == (Outcome.FAILED, Action.UPGRADE)
    assert [one.action for one in found.completed] == [Action.PREP]


def test_a_later_action_has_succeeded() -> None:
    found = became(member(), trace=trace("Upgrade", outcome="succeeded"))
    assert found.outcome is Outcome.SUCCEEDED
    assert [one.action for one in found.completed] == list(CHAIN)


def test_a_run_of_the_journal_that_a_later_action_has_left_behind() -> None:
    found = became(in_flight(), trace=trace("Upgrade", echo="run-9 Upgrade"))
    assert (found.state, found.slot, found.action_index) == (MemberState.IN_FLIGHT, 1, 1)


def test_a_run_that_the_journal_believes_open_has_ended() -> None:
    found = became(in_flight(), part=told("Prep", "Upgrade"))
    assert found.slot is None
    assert found.run is not None
    assert (found.run.state, found.run.result) == (RunState.ENDED, RunResult.SUCCEEDED)
    assert (found.run.ended_at, found.run.disarmed) == (LATER, True)


def test_the_next_action_waits_for_the_work_to_be_disarmed() -> None:
    """The member keeps its slot, and a person decides when it goes on."""
    found = became(in_flight(run=run(disarmed=False)), part=told("Prep"))
    assert (found.state, found.slot, found.action_index) == (MemberState.IN_FLIGHT, 1, 1)
    assert found.run is not None
    assert (found.run.result, found.run.disarmed) == (RunResult.SUCCEEDED, False)


@pytest.mark.parametrize(
    ("words", "outcome", "cause", "message"),
    [
        ("PrepFailed: no space left", Outcome.FAILED, Cause.PREP_FAILED, "no space left"),
        (
            "PrepFailed (PrecacheFailed): precache job failed: x",
            Outcome.FAILED,
            Cause.PREP_FAILED,
            "precache job failed: x",
        ),
        ("Cancelled: by ns/b", Outcome.CANCELLED, Cause.CANCELLED, "by ns/b"),
        ("Action did not complete", Outcome.FAILED, None, "Action did not complete"),
        ("", Outcome.FAILED, None, ""),
    ],
)
def test_a_failure_is_rebuilt_from_the_status(
    words: str, outcome: Outcome, cause: Cause | None, message: str
) -> None:
    found = became(member(), part=told(failed="Prep", words=words))
    assert (found.outcome, found.cause, found.message) == (outcome, cause, message)
    assert (found.failed_action, found.watched) == (Action.PREP, False)


@pytest.mark.parametrize("stands", [True, False])
def test_a_label_that_stands_is_that_of_a_failure_that_only_a_work_shows(*, stands: bool) -> None:
    """The status was too long for the cluster. A late completion changes the label."""
    labels = {Action.PREP.failed_label: ""} if stands else {}
    found = became(member(), trace=trace(outcome="failed"), labels=labels)
    assert (found.outcome, found.failed_action) == (Outcome.FAILED, Action.PREP)
    assert found.run is not None
    assert labelled(found.run) == stands


def test_a_job_that_has_failed_is_not_watched() -> None:
    """The Job goes with its run, and the object on the cluster tells nothing of it (R47.3)."""
    asked = trace("UpgradeBackup", outcome="failed")
    found = became(member(), part=told("Prep", failed="Upgrade"), trace=asked)
    assert (found.outcome, found.failed_action) == (Outcome.FAILED, Action.UPGRADE)
    assert not found.watched


def test_a_failure_after_it_was_armed_is_watched() -> None:
    found = became(member(), part=told(failed="Prep"), trace=trace())
    assert found.watched
    assert found.run is not None
    assert (found.run.result, found.attempts) == (RunResult.FAILED, 2)


@pytest.mark.parametrize(
    ("result", "outcome"),
    [
        ("failed", Outcome.FAILED),
        ("limit", Outcome.FAILED),
        ("taken over", Outcome.FAILED),
        ("preempted", Outcome.CANCELLED),
        ("deleted", Outcome.CANCELLED),
    ],
)
def test_a_runs_result_is_rebuilt_from_its_work(result: str, outcome: Outcome) -> None:
    found = became(member(), trace=trace(outcome=result))
    assert (found.outcome, found.failed_action) == (outcome, Action.PREP)
    assert found.run is not None
    assert found.run.result == result
    assert found.message == f"imported from the hub: its work says {result}"


@pytest.mark.parametrize(
    ("result", "cause"),
    [("taken over", Cause.TAKEN_OVER), ("limit", Cause.TIMED_OUT), ("failed", None)],
)
def test_a_runs_cause_is_rebuilt_where_its_result_has_only_one(
    result: str, cause: Cause | None
) -> None:
    assert became(member(), trace=trace(outcome=result)).cause is cause


def test_a_run_that_the_status_calls_taken_over_has_not_failed_by_itself() -> None:
    """A late completion changes nothing about that (R15.2)."""
    part = told(failed="Prep", words="TakenOver: taken over by hand")
    found = became(in_flight(), part=part)
    assert found.cause is Cause.TAKEN_OVER
    assert found.run is not None
    assert found.run.result is RunResult.TAKEN_OVER


def test_the_cluster_has_taken_it() -> None:
    """The member's limit is the one that its work carries."""
    found = became(member(), trace=trace(echo="run-9 Prep"))
    assert found.state is MemberState.IN_FLIGHT
    assert (found.limit, found.started_at, found.attempts) == (LIMIT, STARTED, 2)
    assert found.run is not None
    assert (found.run.state, found.run.disarmed) == (RunState.ACCEPTED, False)
    assert (found.run.armed_at, found.run.accepted_at) == (STARTED, LATER)


def test_an_armed_work_that_no_cluster_accepted_is_disarmed_for_good() -> None:
    found = became(member(), trace=trace(arming="armed"))
    assert found.state is MemberState.IN_FLIGHT
    assert found.run is not None
    assert (found.run.result, found.run.disarmed) == (RunResult.WITHDRAWN, False)


@pytest.mark.parametrize("marks", [{}, {"outcome": "withdrawn"}])
def test_a_run_that_no_cluster_accepted_is_withdrawn(marks: dict[str, str]) -> None:
    found = became(member(), trace=trace(**marks))
    assert (found.state, found.slot) == (MemberState.WAITING, None)
    assert found.run is not None
    assert (found.run.result, found.run.disarmed) == (RunResult.WITHDRAWN, True)
    assert found.run.arming_at == STARTED  # so that an echo reopens it


def test_a_withdrawn_run_is_not_taken_by_its_old_echo() -> None:
    """Only the probes after the resume can tell."""
    found = became(member(), trace=trace(outcome="withdrawn", echo="run-9 Prep"))
    assert found.state is MemberState.WAITING


def test_a_trace_of_an_action_that_is_done_says_nothing_of_the_next() -> None:
    found = became(member(), part=told("Prep"), trace=trace("Prep"))
    assert (found.state, found.action_index, found.run) == (MemberState.WAITING, 1, None)


class TestOfAStepThatIsOver:
    def test_nothing_is_known(self) -> None:
        found = became(member(), over=True)
        assert (found.outcome, found.cause) == (Outcome.SKIPPED, Cause.SKIPPED)
        assert (found.message, found.failed_action) == (NOTHING_KNOWN, None)

    def test_a_run_without_a_known_end_counts_as_failed(self) -> None:
        found = became(member(), over=True, trace=trace(echo="run-9 Prep"))
        assert (found.outcome, found.failed_action) == (Outcome.FAILED, Action.PREP)
        assert "is not known" in found.message

    def test_a_run_of_the_journal_is_closed(self) -> None:
        found = became(in_flight(), over=True)
        assert found.run is not None
        assert (found.run.result, found.slot) == (RunResult.WITHDRAWN, None)

    def test_a_run_of_the_journal_that_the_cluster_has_taken_counts_as_failed(self) -> None:
        """Nothing else would tell of it: a skipped member is not watched (R15.1)."""
        taken = run(state=RunState.ACCEPTED, accepted_at=NOW)
        found = became(in_flight(run=taken), over=True)
        assert (found.outcome, found.failed_action) == (Outcome.FAILED, Action.PREP)
        assert found.message == "imported from the hub: how its Prep ended is not known"
        assert found.watched
        assert found.run is not None
        assert not labelled(found.run)

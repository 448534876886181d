"""One row for each action of a step on a cluster, over all attempts."""

import pytest
from msgspec.structs import replace

from ibgu.cli.report.actions import ReportedAction, reported_actions
from ibgu.client.responses import CompletedActionResponse, MemberAttemptsResponse
from tests.cli.report.samples import done, failed, later, member, run, waiting


def rows(found: MemberAttemptsResponse, *planned: str) -> list[ReportedAction]:
    return list(reported_actions(found, planned))


def test_a_success_lasts_from_its_first_attempt_to_its_end() -> None:
    found = replace(
        done(end=90),
        runs=(
            run(begin=0, end=30, result="refused"),
            run(begin=40, end=90, attempt=2, result="succeeded"),
        ),
    )
    [row] = rows(found, "Prep")
    assert (row.outcome, row.begin, row.end, row.attempts) == ("succeeded", later(0), later(90), 2)
    assert row.seconds == 90


def test_a_withdrawn_run_is_no_attempt() -> None:
    found = replace(done(), runs=(run(begin=-50, end=-40, result="withdrawn"), run(begin=0)))
    [row] = rows(found, "Prep")
    assert (row.begin, row.attempts, row.seconds) == (later(0), 1, 60)


def test_a_backup_belongs_to_its_upgrade() -> None:
    over = member(
        state="finished",
        outcome="succeeded",
        completed=(CompletedActionResponse(action="Upgrade", at=later(300)),),
    )
    runs = (run("UpgradeBackup", 0, 100, result="continued"), run("Upgrade", 100, 300, attempt=2))
    [row] = rows(MemberAttemptsResponse(member=over, runs=runs), "Upgrade")
    assert (row.begin, row.seconds, row.attempts) == (later(0), 300, 1)


def test_a_cluster_in_its_backup_is_at_its_first_attempt() -> None:
    over = member(state="in flight", action="Upgrade")
    runs = (run("UpgradeBackup", 0, 100, result="continued"),)
    [row] = rows(MemberAttemptsResponse(member=over, runs=runs), "Upgrade")
    assert (row.attempts, row.outcome) == (1, "running")


def test_an_action_of_a_newer_server_is_reported() -> None:
    over = MemberAttemptsResponse(
        member=member(state="in flight", action="Brew"), runs=(run("Brew", end=None),)
    )
    [row] = rows(over, "Brew")
    assert (row.action, row.outcome, row.end, row.seconds) == ("Brew", "running", None, None)


def test_an_action_that_was_done_before_has_no_begin() -> None:
    already = CompletedActionResponse(action="Prep", at=later(5), note="was already prepared")
    found = member(state="finished", outcome="succeeded", completed=(already,))
    [row] = rows(MemberAttemptsResponse(member=found), "Prep")
    assert (row.outcome, row.begin, row.end, row.seconds) == ("succeeded", None, later(5), None)
    assert (row.attempts, row.note) == (0, "was already prepared")


def test_a_failure_has_its_cause_and_what_follows_was_not_started() -> None:
    prep, upgrade = rows(failed(), "Prep", "Upgrade")
    assert (prep.outcome, prep.cause, prep.failure) == ("failed", "PrepFailed", "PrecacheFailed")
    assert (prep.message, prep.seconds) == ("pull failed", 30)
    assert upgrade == ReportedAction("Upgrade", "not started")


def test_an_action_that_waits_says_why() -> None:
    prep, upgrade = rows(waiting(), "Prep", "Upgrade")
    assert prep == ReportedAction("Prep", "waiting", message="closed")
    assert upgrade == ReportedAction("Upgrade", "waiting")


@pytest.mark.parametrize("outcome", ["skipped", "cancelled"])
def test_all_actions_of_a_skipped_cluster_say_so(outcome: str) -> None:
    found = member(state="finished", outcome=outcome, message="skipped by alice")
    for row in rows(MemberAttemptsResponse(member=found), "Prep", "Upgrade"):
        assert (row.outcome, row.message, row.begin) == (outcome, "skipped by alice", None)


def test_a_clock_that_goes_back_makes_no_negative_duration() -> None:
    assert rows(done(begin=60, end=0), "Prep")[0].seconds == 0

"""The sentences about one member: one reason, what it means, who must do what."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from ibgu.core.drivers.cluster_version.meanings import UPDATE_MEANINGS
from ibgu.core.drivers.ibu import IBU
from ibgu.core.drivers.ibu.actions import Action
from ibgu.core.drivers.ibu.meanings import IBU_MEANINGS
from ibgu.core.engine.timing.durations import DurationStats
from ibgu.core.model import (
    ActingParty,
    Cause,
    CompletedAction,
    Member,
    MemberState,
    Outcome,
    Reason,
    ReasonKind,
    RunResult,
    RunState,
)
from ibgu.core.model.preflight import FindingSeverity, RecordedFinding
from ibgu.core.text.commands import named_commands
from ibgu.core.views.change.danger import SKIP
from ibgu.core.views.explain import (
    CAUSES,
    REASONS,
    ExplainCase,
    Explained,
    Line,
    PastStep,
    explain,
    finding,
)
from tests.core.engine.state.records import MINUTE, NOW, done, failed, in_flight, member, run

RATE = Reason(ReasonKind.START_RATE, NOW, "5 starts a minute")
CIRCUIT_BREAKER = Reason(ReasonKind.CIRCUIT_BREAKER, NOW, "5 in a row", None, ActingParty.PERSON)
RESUME = named_commands(REASONS[ReasonKind.CIRCUIT_BREAKER].do, "fleet", "a")
MONITOR = "Rollback due to LCA Init Monitor timeout, after 30m0s"


def told(found: Member, *past: PastStep, minutes: int = 6, **more: Any) -> Explained:
    fields: dict[str, Any] = {
        "rollout": "fleet/a",
        "member": found,
        "action": None if found.finished else Action.UPGRADE,
        "hold": None,
        "past": past or [PastStep(found, [found.run] if found.run else [])],
        "now": NOW + minutes * MINUTE,
        "duration_stats": {},
    }
    return explain(IBU, ExplainCase(**(fields | more)))


@pytest.mark.parametrize("who", [ActingParty.CLUSTER, ActingParty.PERSON])
@pytest.mark.parametrize("hold", [None, CIRCUIT_BREAKER, RATE])
def test_a_cluster_that_a_policy_keeps_behind_a_hold_needs_a_person(
    hold: Reason | None, who: ActingParty
) -> None:
    kept = Reason(ReasonKind.GATE, NOW, "5 of 5 in flight", None, who, gate="RolloutPolicy/network")
    answer = told(member("site-1", reason=kept), hold=hold)
    assert answer.policy == "network"
    if hold is CIRCUIT_BREAKER and who is ActingParty.CLUSTER:
        assert answer.why == "5 of 5 in flight; also, nothing new starts: 5 in a row"
        assert answer.who is ActingParty.PERSON
        assert answer.do == RESUME
    else:
        assert (answer.why, answer.who) == ("5 of 5 in flight", who)


def test_a_known_failure() -> None:
    over = failed("site-412", message=MONITOR, ended_at=NOW)
    assert over.run
    words = replace(over.run, arming_at=NOW - 34 * MINUTE, message=MONITOR)
    found = told(replace(over, run=words))
    assert found.headline == "Upgrade failed 6 min ago (attempt 1, ran 34 min)"
    assert (found.state, found.why, found.kind) == ("failed", MONITOR, "InitMonitorTimeout")
    assert (found.words, found.who, found.since) == (None, ActingParty.PERSON, NOW)
    assert found.do == found.remedy is not None
    assert found.means != IBU_MEANINGS.causes[Cause.UPGRADE_FAILED].means
    assert (found.ends, found.limit) == (None, None)
    assert found.history == [
        Line(NOW - 34 * MINUTE, "Upgrade started"),
        Line(NOW, "Upgrade failed (34 min)"),
    ]


def test_an_unknown_failure_means_what_its_cause_means() -> None:
    found = told(failed(message="never heard of", ended_at=NOW))
    assert (found.kind, found.remedy) == (Cause.UPGRADE_FAILED, None)
    meaning = IBU_MEANINGS.causes[Cause.UPGRADE_FAILED]
    assert (found.means, found.do) == (meaning.means, named_commands(meaning.do, "fleet", "a"))


def test_success_asks_for_nothing() -> None:
    found = told(done("site-1", Action.UPGRADE, ended_at=NOW))
    assert found.headline == "Upgrade succeeded 6 min ago"
    assert [found.why, found.kind, found.ends, found.who, found.means, found.do] == [None] * 6


@pytest.mark.parametrize("action", [Action.ABORT, Action.ABORT_ON_FAILURE])
def test_an_aborted_cluster_is_explained_as_not_upgraded(action: Action) -> None:
    found = told(done("site-1", action, ended_at=NOW))
    assert found.headline == f"{action} succeeded 6 min ago"
    assert found.means is not None
    assert "the cluster is back to Idle, not upgraded" in found.means
    assert found.who is None


def test_a_skip_and_its_explanation_name_the_same_way_on() -> None:
    assert SKIP.lost.endswith(
        "of later steps that need it; to upgrade them, create another rollout."
    )
    assert CAUSES[Cause.SKIPPED].means.endswith("of later steps that need it")
    assert CAUSES[Cause.SKIPPED].do == "nothing; to upgrade it, create another rollout"


def test_an_aborted_failure_goes_on_with_the_stragglers() -> None:
    found = told(done("site-1", Action.ABORT_ON_FAILURE, ended_at=NOW))
    assert found.do == "`ibgu stragglers a -n fleet` shows the plan to continue with"


def test_a_cluster_cancelled_on_purpose_needs_a_new_rollout() -> None:
    found = told(done("site-1", Action.ABORT, ended_at=NOW))
    assert found.means is not None
    assert found.means.startswith("its upgrade was cancelled on purpose")
    assert found.do == "nothing; to upgrade it, create a new rollout"


def test_a_prepared_cluster_behind_the_circuit_breaker_is_held() -> None:
    prepared = run(state=RunState.ENDED, ended_at=NOW + MINUTE)
    found = told(in_flight(reason=CIRCUIT_BREAKER, run=prepared))
    assert found.headline == "Upgrade held for 6 min (attempt 1, ran 1 min)"
    assert (found.state, found.who) == ("held", ActingParty.PERSON)


def test_waiting_for_a_slot_and_for_a_hold_are_explained() -> None:
    waiting = member(reason=Reason(ReasonKind.SLOT, NOW, "waits for a slot"))
    alone, held = told(waiting), told(waiting, hold=CIRCUIT_BREAKER)
    assert alone.headline == "waits with Upgrade for 6 min: WaitingForSlot"
    assert (alone.state, alone.who, alone.words) == ("waiting", ActingParty.IBGU, None)
    assert (held.state, held.kind, held.why, held.who) == (
        "held",
        ReasonKind.CIRCUIT_BREAKER,
        "5 in a row",
        ActingParty.PERSON,
    )
    assert held.do == RESUME


def running(kind: ReasonKind = ReasonKind.RUNNING, words: str = "", **changes: Any) -> Member:
    """A member whose Upgrade went to the cluster half an hour before it began what it is at."""
    its_run = run(Action.UPGRADE, arming_at=NOW - 30 * MINUTE, **changes)
    return in_flight(reason=Reason(kind, NOW, words, None, ActingParty.CLUSTER), run=its_run)


@pytest.mark.parametrize(
    ("found", "headline"),
    [
        (running(), "Upgrade running for 36 min (attempt 1)"),
        (running(ReasonKind.REBOOTING), "Upgrade for 36 min, rebooting for 6 min (attempt 1)"),
        (
            running(ReasonKind.DIVERGED),
            "Upgrade for 36 min, changed by hand for 6 min (attempt 1)",
        ),
        (
            in_flight(run=run(Action.UPGRADE, state=RunState.INTENDED, arming_at=None)),
            "Upgrade starts, for 6 min (attempt 1)",
        ),
        (
            in_flight(run=run(state=RunState.ENDED, ended_at=NOW + MINUTE, disarmed=True)),
            "Upgrade starts, for 6 min (attempt 1, ran 1 min)",
        ),
        (
            running(
                ReasonKind.DISARMING,
                state=RunState.ENDED,
                ended_at=NOW,
                result=RunResult.FAILED,
                disarmed=False,
            ),
            "Upgrade failed, its work is being disarmed for 6 min (attempt 1, ran 30 min), "
            "overdue: usually 5 min at most",
        ),
    ],
)
def test_the_headline_of_a_member_in_flight(found: Member, headline: str) -> None:
    assert told(found).headline == headline


def test_a_running_member_shows_its_message_and_limit() -> None:
    found = told(running(words="Restoring\n backups"))
    assert (found.why, found.words) == ("Restoring backups", None)
    assert found.limit == NOW + timedelta(hours=1)
    assert found.ends == REASONS[ReasonKind.RUNNING].ends


def test_words_that_are_not_the_reason_itself_are_shown_beside_it() -> None:
    late = failed(message="not done before the timeout", cause=Cause.TIMED_OUT)
    assert late.run
    found = told(replace(late, run=replace(late.run, message=MONITOR)))
    assert (found.why, found.words) == ("not done before the timeout", MONITOR)


def test_words_of_a_running_cluster_may_be_known() -> None:
    words = "Waiting for system to stabilize: one or more health checks failed"
    found = told(running(words=words))
    assert found.kind == "ClusterNotStable"
    assert found.remedy == found.do


def test_a_stalled_run_shows_the_usual_duration() -> None:
    duration_stats = {Action.UPGRADE: DurationStats(40, 1200.0, 1500.0, (1200.0,))}
    assert told(running(), duration_stats=duration_stats).headline == (
        "Upgrade running for 36 min (attempt 1), stalled: 95 of 100 take at most 25 min"
    )


def test_a_late_completion_is_explained_as_success() -> None:
    """The labels may have been changed meanwhile, so that no completed action tells it."""
    slow = failed("site-412", cause=Cause.TIMED_OUT, message="past its limit", ended_at=NOW)
    found = told(replace(slow, late="completed late, after 47 min"))
    assert found.headline.startswith("Upgrade succeeded late (attempt 1")
    assert (found.state, found.who, found.late) == (
        "succeeded",
        None,
        "completed late, after 47 min",
    )
    assert (found.why, found.kind, found.means, found.do) == (None, None, None, None)


def test_the_history_is_in_order_over_all_steps() -> None:
    first = run(state=RunState.ENDED, ended_at=NOW + MINUTE, result=RunResult.LIMIT)
    again = replace(first, id="run-2", attempt=2, arming_at=None, intended_at=NOW + 2 * MINUTE)
    again = replace(again, ended_at=NOW + 3 * MINUTE, result=RunResult.SUCCEEDED)
    upgrade = replace(again, id="run-3", attempt=3, action=Action.UPGRADE, ended_at=None)
    upgrade = replace(upgrade, intended_at=NOW + 4 * MINUTE)
    notes = (
        CompletedAction(Action.PREP, NOW + 3 * MINUTE),
        CompletedAction(Action.UPGRADE, NOW - MINUTE, "was already done"),
    )
    before = replace(done(), completed=notes, late="completed late")
    found = told(before, PastStep(before), PastStep(before, [first, again, upgrade]))
    assert found.late == "completed late"
    assert [line.text for line in found.history] == [
        "Upgrade was already done",
        "Upgrade was already done",
        "Prep started",
        "Prep past its limit (1 min)",
        "Prep started again (2)",
        "Prep succeeded (1 min)",
        "Upgrade started",
    ]


def test_a_run_that_goes_on_is_no_other_attempt() -> None:
    first = run(state=RunState.ENDED, ended_at=NOW + MINUTE, result=RunResult.CONTINUED)
    first = replace(first, action="Update", message="paused canary, worker")
    bare = replace(first, id="run-2", attempt=2, message="", intended_at=NOW + 2 * MINUTE)
    bare = replace(bare, arming_at=None, ended_at=NOW + 3 * MINUTE)
    last = replace(bare, id="run-3", attempt=3, intended_at=NOW + 4 * MINUTE)
    last = replace(last, ended_at=NOW + 5 * MINUTE, result=RunResult.FAILED)
    before = failed("site-412", cause=Cause.TIMED_OUT, ended_at=NOW, failed_action="Update")
    found = told(replace(before, run=last), PastStep(before, [first, bare, last]))
    assert found.headline.endswith("(attempt 1)")
    assert [line.text for line in found.history] == [
        "Update started",
        "Update has paused canary, worker (1 min)",
        "Update goes on",
        "Update continued (1 min)",
        "Update goes on",
        "Update failed (1 min)",
    ]


def test_every_reason_and_every_cause_has_its_sentences() -> None:
    assert set(REASONS) == set(ReasonKind)
    kinds = (IBU_MEANINGS, UPDATE_MEANINGS)
    assert set(CAUSES).union(*(kind.causes for kind in kinds)) == set(Cause)
    own = [each for kind in kinds for each in (*kind.reasons.values(), *kind.causes.values())]
    for meaning in (*REASONS.values(), *CAUSES.values(), *own):
        for sentence in (meaning.means, meaning.do):
            assert sentence
            assert not sentence.endswith(".")
    for meaning in (*REASONS.values(), *(m for kind in kinds for m in kind.reasons.values())):
        assert meaning.ends


@given(
    st.sampled_from(MemberState),
    st.sampled_from(ReasonKind),
    st.sampled_from(Outcome),
    st.sampled_from(Cause),
    st.booleans(),
)
def test_every_combination_of_state_and_reason_is_explained(
    state: MemberState, kind: ReasonKind, outcome: Outcome, cause: Cause, held: bool
) -> None:
    found = member(state=state, reason=Reason(kind, NOW, "words"))
    if found.finished:
        failed_so = cause if outcome is not Outcome.SUCCEEDED else None
        found = replace(found, outcome=outcome, cause=failed_so, ended_at=NOW)
    answer = told(found, hold=CIRCUIT_BREAKER if held else None)
    assert answer.headline
    assert (answer.ends is None) == found.finished
    assert (answer.do is None) == (found.outcome is Outcome.SUCCEEDED)


def test_the_last_warning_and_rollback_deadline_are_shown() -> None:
    prepared = done("site-1", Action.PREP, warning="Thing[1] - not deployed")
    upgraded = done("site-1", Action.UPGRADE, step=1, rollback_until=NOW)
    waiting = member("site-1", step=2)
    found = told(waiting, PastStep(prepared), PastStep(member("site-1", step=1)))
    assert (found.warning, found.rollback_until) == ("Thing[1] - not deployed", None)
    found = told(waiting, PastStep(prepared), PastStep(upgraded), PastStep(waiting))
    assert (found.warning, found.rollback_until) == (None, NOW)
    finalized = done("site-1", Action.FINALIZE_UPGRADE, step=2)
    found = told(finalized, PastStep(prepared), PastStep(upgraded), PastStep(finalized))
    assert (found.warning, found.rollback_until) == (None, None)


def test_a_cause_that_says_what_to_do_stands_without_the_clusters_words() -> None:
    found = finding(Cause.WRONG_STATE, IBU_MEANINGS)
    assert found is not None
    assert found.means == "The cluster's state does not allow the action."
    assert found.do == (
        "Create a rollout for the cluster with an action that can follow, as the message says, or "
        "bring the cluster to the state that this action needs."
    )
    for cause in (Cause.PREP_FAILED, Cause.CANCELLED, None):
        assert finding(cause, IBU_MEANINGS) is None


DISK = RecordedFinding("P31", FindingSeverity.ERROR, "have a full disk", ("site-1",))
REGISTRY = RecordedFinding("P11", FindingSeverity.WARNING, "the seed image was not checked")


def found_before(found: Member, **more: Any) -> list[str]:
    return told(found, preflight=[DISK, REGISTRY], **more).preflight


def test_an_unfinished_member_shows_findings_on_it_and_errors_of_the_plan() -> None:
    """A warning about the plan is none about the cluster."""
    slow = replace(DISK, rule="P33", severity=FindingSeverity.WARNING, message="is slow")
    unnamed = replace(REGISTRY, severity=FindingSeverity.ERROR, message="lacks image")
    found = [DISK, slow, unnamed, REGISTRY]
    assert told(in_flight(), preflight=found).preflight == [
        "error: have a full disk [P31]",
        "warning: is slow [P33]",
        "error: lacks image [P11]",
    ]


@pytest.mark.parametrize(
    ("message", "rules"),
    [
        ("Prep failed: precache job failed", ["P31"]),
        ("failed to inspect image: i/o timeout", ["P11"]),
        ("seed image has a proxy", []),
        ("no such thing was ever heard of", ["P31"]),
    ],
)
def test_findings_that_look_for_the_failure_are_shown_under_it(
    message: str, rules: list[str]
) -> None:
    """An error may have been about a failure that nobody knows."""
    lost = failed(failed_action=Action.PREP, cause=Cause.PREP_FAILED, message=message)
    assert [each.rpartition("[")[2] for each in found_before(lost)] == [f"{id}]" for id in rules]


@pytest.mark.parametrize("outcome", [Outcome.SUCCEEDED, Outcome.SKIPPED, Outcome.CANCELLED])
def test_no_finding_is_shown_once_a_cluster_needs_nobody(outcome: Outcome) -> None:
    assert found_before(member(state=MemberState.FINISHED, outcome=outcome)) == []

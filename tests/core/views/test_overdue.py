"""The time after which each reason needs a person, and what that person checks."""

from datetime import timedelta

import pytest

from ibgu.core.drivers.ibu import IBU
from ibgu.core.drivers.ibu.actions import Action
from ibgu.core.drivers.ibu.meanings import IBU_MEANINGS
from ibgu.core.engine.timing.durations import DurationsByAction, DurationStats
from ibgu.core.model import ActingParty, Member, Reason, ReasonKind, RunState
from ibgu.core.text.commands import named_commands
from ibgu.core.views.explain import REASONS, ExplainCase, Explained, PastStep, explain
from ibgu.core.views.explain.reasons import meaning_of_reason
from ibgu.core.views.overdue import EXEMPT, FROM_THE_START, RULES, Attempt, overdue, overdue_of
from tests.core.engine.state.records import MINUTE, NOW, in_flight, member, run

SECOND = timedelta(seconds=1)
MEASURED: DurationsByAction = {
    Action.PREP: DurationStats(40, 30.0, 41.0, (30.0,), taken=35.0),
    Action.UPGRADE: DurationStats(40, 1500.0, 1860.0, (1500.0,), taken=2.0),
}


def test_every_reason_escalates_or_says_why_not() -> None:
    assert not RULES.keys() & EXEMPT.keys()
    assert all(rule.check for rule in RULES.values())
    assert all(EXEMPT.values())
    assert {
        ReasonKind.ABSENT,
        ReasonKind.WRONG_STATE,
        ReasonKind.FORBIDDEN,
        ReasonKind.TALM_WORK,
        ReasonKind.MALFORMED,
        ReasonKind.REFUSED,
        ReasonKind.PAYLOAD_ERROR,
        ReasonKind.DIVERGED,
        ReasonKind.PAUSED,
        ReasonKind.CIRCUIT_BREAKER,
        ReasonKind.SEED_BREAKER,
        ReasonKind.FAILURE_BUDGET,
        ReasonKind.PAYLOAD_CHANGED,
        ReasonKind.PAYLOAD_BLOCKED,
        ReasonKind.UNBOUND,
        ReasonKind.WARNING,
        ReasonKind.PREFLIGHT,
        ReasonKind.INVALID_PLAN,
        ReasonKind.NAME_TAKEN,
        ReasonKind.TALM,
        ReasonKind.ADOPTION,
        ReasonKind.RESTORED,
        ReasonKind.INTERNAL_ERROR,
        ReasonKind.RATE_LIMIT_INVALID,
        ReasonKind.BACKUP_NOT_POSSIBLE,
    } == FROM_THE_START
    assert all(REASONS[kind].do for kind in FROM_THE_START)


def _do(kind: ReasonKind) -> str:
    return named_commands(meaning_of_reason(kind, IBU_MEANINGS).do, "fleet", "a", "site-412")


def waits_since(kind: ReasonKind) -> Member:
    return member("site-412", reason=Reason(kind, NOW, "words", None, ActingParty.CLUSTER))


def told(found: Member, after: timedelta, duration_stats: DurationsByAction) -> Explained:
    return explain(
        IBU,
        ExplainCase(
            rollout="fleet/a",
            member=found,
            action=found.run.action if found.run else Action.UPGRADE,
            hold=None,
            past=[PastStep(found, [])],
            now=NOW + after,
            duration_stats=duration_stats,
        ),
    )


@pytest.mark.parametrize("kind", RULES)
def test_each_overdue_reason_needs_a_person_and_says_what_to_check(kind: ReasonKind) -> None:
    rule = RULES[kind]
    before, after = told(waits_since(kind), rule.after, {}), rule.after + SECOND
    late = told(waits_since(kind), after, {})
    assert (before.who, before.overdue, before.do) == (ActingParty.CLUSTER, None, _do(kind))
    assert (late.who, late.overdue) == (ActingParty.PERSON, NOW + rule.after)
    assert late.do == IBU_MEANINGS.checks.get(kind, rule.check).format(cluster="site-412")
    assert "overdue: usually" in late.headline


@pytest.mark.parametrize("kind", [*EXEMPT, *sorted(FROM_THE_START)])
def test_exempt_reasons_are_never_overdue(kind: ReasonKind) -> None:
    found = told(waits_since(kind), timedelta(days=30), MEASURED)
    assert (found.overdue, found.do) == (None, _do(kind))


def sent(kind: ReasonKind, action: Action, state: RunState = RunState.ARMED) -> Member:
    """A member whose run went to the cluster half an hour before it had its reason."""
    its_run = run(action, arming_at=NOW - 30 * MINUTE, state=state)
    return in_flight("site-412", reason=Reason(kind, NOW), run=its_run)


def test_frozen_feedback_needs_a_person_after_p95() -> None:
    """The page said "do: nothing" for five minutes, where clusters need 41 seconds."""
    its_run = run(Action.PREP, arming_at=NOW)
    frozen = in_flight("site-412", reason=Reason(ReasonKind.ARMING, NOW), run=its_run)
    early, late = (told(frozen, timedelta(seconds=after), MEASURED) for after in (43, 44))
    assert (early.who, early.do) == (ActingParty.IBGU, REASONS[ReasonKind.ARMING].do)
    assert late.who is ActingParty.PERSON
    assert late.do is not None
    assert "klusterlet-work-agent" in late.do
    assert "oc get manifestwork -n site-412" in late.do


def test_measured_durations_count_from_the_arming() -> None:
    late = overdue_of(
        *_reason(sent(ReasonKind.REBOOTING, Action.UPGRADE, RunState.ACCEPTED)),
        NOW + 9 * MINUTE,
        MEASURED,
        IBU_MEANINGS,
    )
    assert late is not None
    assert (late.since, late.usual) == (NOW + timedelta(minutes=8.75), 1860.0)


def _reason(found: Member) -> tuple[Member, Reason]:
    return found, found.reason


def test_an_attempt_that_is_not_sent_in_the_usual_time_is_for_a_person() -> None:
    """The payload is not applied: nobody was called for five minutes, where it takes 31 seconds."""
    slow: DurationsByAction = {Action.PREP: DurationStats(40, 30.0, 41.0, (30.0,), prepared=31.0)}
    its_run = run(Action.PREP, state=RunState.INTENDED, intended_at=NOW)
    found = in_flight("site-412", reason=Reason(ReasonKind.PREPARING, NOW), run=its_run)
    for duration_stats, usual, limit in (
        (slow, 31.0, 38.75),
        (MEASURED, 300.0, 300.0),
        ({}, 300.0, 300.0),
    ):
        end = NOW + timedelta(seconds=limit)
        assert overdue_of(*_reason(found), end, duration_stats, IBU_MEANINGS) is None
        late = overdue_of(*_reason(found), end + SECOND, duration_stats, IBU_MEANINGS)
        assert late is not None
        assert (late.since, late.usual) == (end, usual)


def test_an_apply_error_is_overdue_after_the_usual_time_to_accept() -> None:
    late = overdue_of(
        *_reason(sent(ReasonKind.APPLY_ERROR, Action.PREP)), NOW + SECOND, MEASURED, IBU_MEANINGS
    )
    assert late is not None
    assert (late.since, late.usual) == (NOW - 30 * MINUTE + timedelta(seconds=43.75), 35.0)


def test_members_waiting_for_a_slot_are_never_overdue() -> None:
    never = "The cluster starts when one in flight ends; ibgu reports those that are overdue"
    assert {kind for kind, why in EXEMPT.items() if why == never} == {
        ReasonKind.SLOT,
        ReasonKind.READY,
        ReasonKind.RAMP_UP,
    }


def test_a_cluster_that_reboots_is_let_do_so() -> None:
    """The rule holds where nothing was measured yet, too."""
    found = in_flight(
        "site-412",
        reason=Reason(ReasonKind.REBOOTING, NOW),
        run=run(Action.UPGRADE, arming_at=NOW - MINUTE, state=RunState.ACCEPTED),
    )
    for after, duration_stats in ((37 * MINUTE, MEASURED), (44 * MINUTE, {})):
        assert told(found, after, duration_stats).who is ActingParty.IBGU
        assert told(found, after + 2 * MINUTE, duration_stats).who is ActingParty.PERSON


def test_nothing_is_overdue_within_seconds() -> None:
    """However fast the clusters are: p95 of those that take an Upgrade is two seconds here."""
    quick = Attempt(Action.UPGRADE, NOW, NOW)
    assert overdue(ReasonKind.ARMING, NOW, "site-1", NOW + 30 * SECOND, MEASURED, quick) is None


def test_a_run_that_is_over_measures_nothing() -> None:
    over = run(Action.UPGRADE, state=RunState.ENDED, arming_at=NOW - 30 * MINUTE)
    found = member(reason=Reason(ReasonKind.REBOOTING, NOW), run=over)
    assert overdue_of(*_reason(found), NOW + 10 * MINUTE, MEASURED, IBU_MEANINGS) is None


def test_an_action_that_was_measured_without_its_beginning() -> None:
    """Runs of before a restore tell no time at which the cluster took them."""
    duration_stats: DurationsByAction = {Action.PREP: DurationStats(40, 30.0, 41.0, (30.0,))}
    found = sent(ReasonKind.ARMING, Action.PREP)
    assert overdue_of(*_reason(found), NOW + MINUTE, duration_stats, IBU_MEANINGS) is None

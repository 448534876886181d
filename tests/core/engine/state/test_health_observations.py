"""R50.16: what was observed of canaries, for how long it counts, and since when they are well."""

from datetime import UTC, datetime, timedelta

from ibgu.core.engine.state.health_observations import (
    Asking,
    HealthFinding,
    HealthObservations,
    MetricQuestion,
    ObservedCheck,
)
from ibgu.core.model import ClusterView

NOW = datetime(2026, 1, 1, tzinfo=UTC)
NODES = ObservedCheck.NODES
THANOS = MetricQuestion("thanos", "up")
WELL = HealthFinding()
SICK = HealthFinding("1 of 2 nodes are ready")
SITE = ClusterView(
    name="site-1", uid="u", accepted=True, deleting=False, reachable=True, local=False
)


def at(minutes: float) -> datetime:
    return NOW + timedelta(minutes=minutes)


def finding(observed: HealthObservations, minutes: float) -> HealthFinding:
    return observed.finding(NODES, SITE, at(minutes))


def test_a_canary_that_was_not_read_is_not_well() -> None:
    observed = HealthObservations()
    assert finding(observed, 0) == HealthFinding("ibgu has not read its nodes yet")


def test_a_canary_is_well_since_the_first_answer_without_a_break() -> None:
    observed = HealthObservations()
    assert observed.note(NODES, SITE, WELL, at(0))
    assert not observed.note(NODES, SITE, WELL, at(4))
    assert finding(observed, 5) == HealthFinding(since=at(0))
    assert observed.note(NODES, SITE, SICK, at(6))
    assert finding(observed, 6) == SICK
    assert observed.note(NODES, SITE, WELL, at(7))
    assert finding(observed, 8) == HealthFinding(since=at(7))


def test_a_long_silence_is_a_break() -> None:
    observed = HealthObservations()
    observed.note(NODES, SITE, WELL, at(0))
    assert finding(observed, 6) == HealthFinding(
        "its nodes are not known since 2026-01-01T00:00:00Z: the last answer is too old"
    )
    observed.note(NODES, SITE, WELL, at(6))
    assert finding(observed, 6) == HealthFinding(since=at(6))


def test_the_clusters_own_time_decides_unless_it_is_far_ahead() -> None:
    observed = HealthObservations()
    observed.note(NODES, SITE, HealthFinding(since=at(-90)), at(0))
    assert finding(observed, 1) == HealthFinding(since=at(-90))
    observed.note(NODES, SITE, HealthFinding(since=at(99)), at(1))
    assert finding(observed, 1) == HealthFinding(since=at(-90))
    observed.note(NODES, SITE, SICK, at(2))
    observed.note(NODES, SITE, HealthFinding(since=at(99)), at(3))
    assert finding(observed, 3) == HealthFinding(since=at(3))


def test_trouble_ends_a_good_answer_only_after_a_while() -> None:
    observed = HealthObservations()
    observed.note(NODES, SITE, WELL, at(0))
    assert observed.note_trouble(NODES, SITE, "refused", at(3))
    assert not observed.note_trouble(NODES, SITE, "refused", at(4))
    assert finding(observed, 4) == HealthFinding(since=at(0))
    assert finding(observed, 6).problem.endswith("00:00:00Z: refused")
    assert observed.note(NODES, SITE, WELL, at(4.5))
    assert finding(observed, 6) == HealthFinding(since=at(0))


def test_trouble_is_said_at_once_of_a_canary_that_is_not_well() -> None:
    observed = HealthObservations()
    assert observed.note_trouble(NODES, SITE, "refused", at(0))
    assert finding(observed, 0) == HealthFinding("refused")
    observed.note(NODES, SITE, SICK, at(1))
    assert observed.note_trouble(NODES, SITE, "not served", at(2))
    assert finding(observed, 2) == HealthFinding("not served")


def test_old_answers_of_others_are_forgotten() -> None:
    observed = HealthObservations()
    observed.note(NODES, SITE, WELL, at(0))
    observed.keep({("v", NODES)}, at(5))
    assert not finding(observed, 5).problem
    observed.keep({("u", NODES)}, at(9))
    assert "too old" in finding(observed, 9).problem
    observed.keep({("v", NODES)}, at(9))
    assert "not read" in finding(observed, 9).problem


def test_a_source_that_nobody_has_asked_proves_nothing() -> None:
    assert HealthObservations().finding(THANOS, SITE, NOW) == HealthFinding(
        "ibgu has not asked the source thanos yet"
    )


def test_a_canary_is_not_well_while_its_source_does_not_answer() -> None:
    """The soak goes on if the source answers again in time."""
    observed = HealthObservations()
    observed.note(THANOS, SITE, WELL, at(0))
    assert observed.note_trouble(THANOS, SITE, "no answer", at(1))
    assert observed.finding(THANOS, SITE, at(1)) == HealthFinding("no answer")
    assert observed.note(THANOS, SITE, WELL, at(5))
    assert observed.finding(THANOS, SITE, at(5)) == HealthFinding(since=at(0))
    observed.note_trouble(THANOS, SITE, "no answer", at(6))
    observed.note(THANOS, SITE, WELL, at(11))
    assert observed.finding(THANOS, SITE, at(11)) == HealthFinding(since=at(11))


def test_the_questions_of_one_source_are_answered_each_on_its_own() -> None:
    observed = HealthObservations()
    other = MetricQuestion("thanos", "down")
    observed.note(THANOS, SITE, WELL, at(0))
    observed.note(other, SITE, SICK, at(0))
    assert observed.finding(THANOS, SITE, at(1)) == HealthFinding(since=at(0))
    assert observed.finding(other, SITE, at(1)) == SICK


def test_a_source_that_was_not_asked_for_long_proves_nothing() -> None:
    observed = HealthObservations()
    observed.note(THANOS, SITE, WELL, at(0))
    assert observed.finding(THANOS, SITE, at(6)) == HealthFinding(
        "the source thanos was not asked since 2026-01-01T00:00:00Z"
    )


def test_a_soak_goes_on_if_the_next_question_is_about_all_the_time_since() -> None:
    observed = HealthObservations()
    first = observed.ask(THANOS, SITE, at(0))
    assert first == Asking(at(0))
    observed.note(THANOS, SITE, WELL, at(0.1), first)
    second = observed.ask(THANOS, SITE, at(4.7))
    assert second == Asking(at(4.7), since=at(0))
    observed.note(THANOS, SITE, WELL, at(4.8), second)
    assert observed.finding(THANOS, SITE, at(4.8)) == HealthFinding(since=at(0.1))


def test_a_soak_begins_again_if_no_question_is_about_a_part_of_it() -> None:
    """The first answer came late, so the next question is within five minutes of it and not of
    the question."""
    observed = HealthObservations()
    observed.note(THANOS, SITE, WELL, at(0.2), observed.ask(THANOS, SITE, at(0)))
    asking = observed.ask(THANOS, SITE, at(5.1))
    assert asking == Asking(at(5.1))
    observed.note(THANOS, SITE, WELL, at(5.1), asking)
    assert observed.finding(THANOS, SITE, at(5.1)) == HealthFinding(since=at(5.1))


def test_a_question_after_a_bad_answer_is_about_now_alone() -> None:
    observed = HealthObservations()
    observed.note(THANOS, SITE, SICK, at(0), observed.ask(THANOS, SITE, at(0)))
    assert observed.ask(THANOS, SITE, at(1)) == Asking(at(1))


def test_a_clock_that_is_behind_hides_no_break() -> None:
    observed = HealthObservations()
    observed.note(NODES, SITE, HealthFinding("status Unknown"), at(50))
    observed.note_trouble(NODES, SITE, "no answer", at(54))
    observed.note(NODES, SITE, HealthFinding(since=at(-30)), at(58))
    observed.note(NODES, SITE, HealthFinding(since=at(-30)), at(59))
    assert finding(observed, 59) == HealthFinding(since=at(58))

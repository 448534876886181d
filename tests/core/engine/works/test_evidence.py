"""R7, R8, R9: each clause alone is enough to spoil the evidence."""

from datetime import UTC, datetime, timedelta

import pytest
from msgspec.structs import replace

from ibgu.core.drivers.ibu.actions import Action
from ibgu.core.drivers.ibu.observe.ibu_view import IbuView
from ibgu.core.engine.timing.times import MAX_ROLLBACK_WINDOW
from ibgu.core.engine.works.evidence import accepted, answers, is_evidence_for, open_until
from ibgu.core.model import Probe, RunState, WorkView
from tests.runs import run_of

NOW = datetime(2026, 1, 1, tzinfo=UTC)
RUN = run_of(RunState.ARMED, id="r1", action=Action.PREP, attempt=1, intended_at=NOW)
PROBE = Probe("l1", NOW)
IBU = IbuView(
    stage="Prep", generation=2, observed_generation=2, run="r1", probes=frozenset({"l1", "l0"})
)
WORK = WorkView(
    name="w",
    uid="u",
    resource_version="1",
    generation=2,
    armed=True,
    run="r1",
    applied=True,
    target_applied=True,
    target_available="True",
    feedback=IBU,
)

NOT_SETTLED = [
    replace(WORK, terminating=True),
    replace(WORK, applied=False),
    replace(WORK, target_applied=False),
    replace(WORK, target_available="False"),
    replace(WORK, target_available="Unknown"),
    replace(WORK, target_available=""),
    replace(WORK, feedback=None),
]
NOT_CURRENT = [
    replace(WORK, feedback=replace(IBU, observed_generation=1)),
    replace(WORK, feedback=replace(IBU, generation=0, observed_generation=0)),
]
NOT_OURS = [
    replace(WORK, feedback=replace(IBU, run="r0")),
    replace(WORK, feedback=replace(IBU, stage="Idle")),
]
EDITED = [replace(WORK, edited=True)]


def test_all_clauses_hold() -> None:
    assert is_evidence_for(WORK, RUN)
    assert accepted(WORK, RUN)
    assert answers(WORK, PROBE)


@pytest.mark.parametrize(
    ("ahead", "open_"),
    [
        (None, False),
        (timedelta(), False),
        (timedelta(seconds=1), True),
        (MAX_ROLLBACK_WINDOW, True),
        (MAX_ROLLBACK_WINDOW + timedelta(seconds=1), False),
    ],
)
def test_a_rollback_deadline_lies_ahead_and_not_too_far(
    *, ahead: timedelta | None, open_: bool
) -> None:
    until = None if ahead is None else NOW + ahead
    assert open_until(until, NOW) == (until if open_ else None)


@pytest.mark.parametrize("work", NOT_SETTLED + NOT_CURRENT + NOT_OURS + EDITED)
def test_feedback_with_a_missing_clause_does_not_speak_for_the_run(work: WorkView) -> None:
    assert not is_evidence_for(work, RUN)


@pytest.mark.parametrize(
    "work",
    [
        replace(WORK, applied=False),
        replace(WORK, target_applied=False),
        replace(WORK, feedback=None),
        *NOT_OURS,
    ],
)
def test_a_work_without_the_echo_is_not_accepted(work: WorkView) -> None:
    assert not accepted(work, RUN)


@pytest.mark.parametrize("work", NOT_CURRENT)
def test_a_work_is_accepted_before_the_lifecycle_agent_has_seen_it(work: WorkView) -> None:
    assert accepted(work, RUN)


@pytest.mark.parametrize(
    "work",
    [*NOT_SETTLED, *NOT_CURRENT, replace(WORK, feedback=replace(IBU, probes=frozenset({"l0"})))],
)
def test_feedback_with_a_missing_clause_does_not_answer_the_probe(work: WorkView) -> None:
    assert not answers(work, PROBE)


@pytest.mark.parametrize("work", [*NOT_OURS, *EDITED])
def test_run_and_stage_do_not_matter_for_a_probe(work: WorkView) -> None:
    assert answers(work, PROBE)


def test_a_step_back_to_idle_is_spoken_for_by_stage_idle() -> None:
    run = replace(RUN, action=Action.FINALIZE_UPGRADE)
    assert not is_evidence_for(WORK, run)
    assert is_evidence_for(replace(WORK, feedback=replace(IBU, stage="Idle")), run)

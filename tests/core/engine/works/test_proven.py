"""The feedback of a work from before a restore is no evidence."""

from ibgu.core.drivers.ibu.observe.ibu_view import IbuView
from ibgu.core.engine.works.evidence import accepted, answers, is_evidence_for, proven
from ibgu.core.model import Probe, Run, RunState, WorkView
from tests.core.engine.state.records import NOW, run

PROBE = Probe("l1", NOW)
IBU = IbuView(
    stage="Prep", run="run-1", generation=2, observed_generation=2, probes=frozenset({"l1"})
)
WORK = WorkView(
    name="w",
    uid="u",
    resource_version="1",
    generation=3,
    armed=True,
    run="run-1",
    restore="r1",
    applied=True,
    target_applied=True,
    target_available="True",
    feedback=IBU,
)
RUN: Run = run(state=RunState.ACCEPTED)


def told(work: WorkView | None) -> list[bool]:
    assert work is not None
    return [is_evidence_for(work, RUN), accepted(work, RUN), answers(work, PROBE), work.up_to_date]


def test_feedback_of_a_work_written_since_the_restore_counts() -> None:
    assert proven(WORK, "r1") is WORK
    assert told(WORK) == [True] * 4


def test_feedback_of_a_work_from_before_the_restore_does_not_count() -> None:
    """The work still shows what was written, so that it is disarmed."""
    old = proven(WORK, "r2")
    assert told(old) == [False] * 4
    assert old is not None
    assert (old.armed, old.run, old.resource_version) == (True, "run-1", "1")


def test_no_work_at_all() -> None:
    assert proven(None, "r2") is None

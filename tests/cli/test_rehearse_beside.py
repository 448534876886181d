"""A rehearsal beside what came, in words: within what was to be expected, later, earlier."""

import pytest

from ibgu.cli.rehearse.beside import Course, course_lines, outcome
from ibgu.cli.rehearse.beside_page import beside_page
from ibgu.cli.report.holds import RecordedHold
from ibgu.cli.show.output_style import OutputStyle
from ibgu.core.rehearsal.beside import Beside, CurvePoint, StepBeside
from ibgu.core.rehearsal.spread import NONE, Percentiles
from tests.cli.report.samples import HOSTILE
from tests.core.engine.decide.fleet import START

BAND = Percentiles(3600.0, 7200.0, 10800.0)


@pytest.mark.parametrize(
    ("ended", "words"),
    [
        (None, "it has not ended"),
        (7200.0, "within that"),
        (14400.0, "1 h later than that"),
        (1800.0, "30 min earlier than that"),
    ],
)
def test_an_end_is_within_what_was_expected_or_not(ended: float | None, words: str) -> None:
    assert outcome(BAND, ended, START).endswith(words)


def test_a_step_of_no_run_and_holds_are_shown() -> None:
    missing = StepBeside(("Upgrade",), None, None, None, None, None, 0, 0, 0, 0)
    compared = Beside(
        (missing,), BAND, None, None, (CurvePoint(0, NONE, 0), CurvePoint(1, NONE, None))
    )
    held = RecordedHold(1, "Paused", f"by {HOSTILE}", START, None)
    found = Course(START, 60.0, (), (), (held,), ("the policies are those of now",))
    lines = list(course_lines(found, compared, 10, OutputStyle(colours=False)))
    assert lines[2] == "step 1 Upgrade: begins in no run"
    assert lines[4].startswith("held from ")
    page = beside_page(HOSTILE, found, compared, 10)
    assert HOSTILE not in page
    assert "1 Upgrade" in page

"""A run that is kept in little memory has the outlook of the whole one."""

import pytest

from ibgu.core.rehearsal.condensed import Region, condensed
from ibgu.core.rehearsal.outlook import outlook
from ibgu.core.rehearsal.run import Rehearsal
from tests.core.engine.gates.policies.policy import policy
from tests.core.rehearsal.test_outlook import UP, plan, uniform


@pytest.mark.parametrize("region", [None, lambda number: "north" if number % 3 else "south"])
def test_condensed_runs_have_the_same_outlook(region: Region | None) -> None:
    rehearsal = Rehearsal(plan(policy("few", inFlight=2), timeout=200))
    runs = list(rehearsal.runs(UP, uniform, 20))
    short = [condensed(run, region) for run in runs]
    assert outlook(rehearsal, short, region) == outlook(rehearsal, runs, region)
    kept = sum(len(step.ended) + len(step.results) for run in short for step in run.steps)
    assert kept <= 20 * 2 * 2

"""A rehearsal from the start of a rollout, beside what came."""

from datetime import datetime, timedelta
from random import Random

import pytest

from ibgu.core.model import Finished, Outcome
from ibgu.core.rehearsal.beside import CURVE_POINTS, Beside, RealStep, beside
from ibgu.core.rehearsal.run import Rehearsal
from tests.core.engine.decide.fleet import START
from tests.core.rehearsal.pair import Case, engine_of, plan_of
from tests.core.rehearsal.test_bands import rollout, uniform


def at(moment: datetime) -> float:
    return (moment - START).total_seconds()


def course(case: Case, minutes: int) -> list[RealStep]:
    """Returns what the engine has made of the rollout after so many minutes."""
    engine = engine_of(case)
    engine.drive(timedelta(minutes=minutes))
    return [
        RealStep(
            at(each.step.started_at),
            at(each.step.finished_at) if each.step.finished_at else None,
            each.counts[Outcome.SUCCEEDED],
            each.counts[Outcome.FAILED],
            [at(found.ended_at) for found in each.members.values() if isinstance(found, Finished)],
        )
        for each in engine.tracked("uid-a").steps
        if each.step.started_at is not None
    ]


def seen(seed: int, minutes: int = 60 * 72, runs: int = 40) -> tuple[Beside, list[RealStep]]:
    case, odds = rollout(seed)
    rehearsal, real = Rehearsal(plan_of(case)), course(case, minutes)
    ran = list(rehearsal.runs(odds, uniform(seed), runs))
    return beside(rehearsal, ran, real, minutes * 60.0), real


@pytest.mark.slow("every-point")
@pytest.mark.parametrize("seed", [1, 3, 5])
def test_steps_are_beside_those_of_the_engine(seed: int) -> None:
    found, real = seen(seed)
    assert [each.ended for each in found.steps] == [each.ended for each in real]
    assert [each.failed for each in found.steps] == [each.failed for each in real]
    first = found.steps[0]
    assert first.begins is not None
    assert (first.begins.p5, first.begins.p95, first.began) == (0, 0, 0)
    for each, later in zip(found.steps, found.steps[1:], strict=False):
        assert each.ends == later.begins
    assert found.ended == real[-1].ended
    assert found.ended is not None
    assert found.within is (found.ends.p5 <= found.ended <= found.ends.p95)
    assert found.steps[-1].within is found.within


@pytest.mark.slow("every-point")
def test_the_curves_count_the_members_that_are_done() -> None:
    found, real = seen(3)
    assert len(found.curve) == CURVE_POINTS + 1
    assert (found.curve[0].rehearsed.p95, found.curve[0].real) == (0, 0)
    assert found.curve[-1].real == sum(len(each.ends) for each in real)
    counts = [each.real or 0 for each in found.curve]
    assert counts == sorted(counts)
    middle = found.curve[CURVE_POINTS // 2]
    assert middle.rehearsed.p5 <= middle.rehearsed.p50 <= middle.rehearsed.p95


def test_a_rollout_that_goes_on_has_no_end_and_half_a_curve() -> None:
    found, _ = seen(3, minutes=20)
    assert (found.ended, found.within) == (None, None)
    known = [each.at for each in found.curve if each.real is not None]
    assert max(known) <= 1200 < found.curve[-1].at


def test_a_step_that_begins_in_no_run_has_no_band() -> None:
    case, odds = rollout(1)
    rehearsal = Rehearsal(plan_of(case))
    failing = {name: type(each)(each.p50, each.p95, 1.0) for name, each in odds.items()}
    ran = list(rehearsal.runs(failing, lambda number: Random(number).random, 5))
    assert {len(run.steps) for run in ran} <= {1, 2}
    found = beside(rehearsal, [type(run)(run.steps[:0], run.record) for run in ran], [], 0.0)
    assert [(each.begins, each.ends, each.within) for each in found.steps] == [
        (None, None, None) for _ in found.steps
    ]

"""FleetUpdates on the sandbox hub run, with few clusters: no figure is judged here."""

from tests.benchmarks.report import bounds
from tests.benchmarks.updates.case import QUICK, UpdateCase
from tests.benchmarks.updates.measure import UpdateResult, measure
from tests.benchmarks.updates.part import PART, figures


def _well_measured(result: UpdateResult) -> bool:
    return set(figures(result)) <= set(bounds(PART))


def test_updates_alone() -> None:
    result = measure(UpdateCase(4, 2, updates=QUICK), settled=False)

    assert (len(result.runs), result.actions, result.otherwise) == (4, 12, 0)
    assert all(0 < run.armed <= run.requested < run.ended <= run.fed_back for run in result.runs)
    assert len(result.handovers) == 2
    assert all(0 < delay < 10 for delay in result.handovers)
    assert result.progress_writes <= 2 * 4 * result.case.messages
    assert result.makespan_ratio >= 1
    assert result.upgrade is None
    assert _well_measured(result)


def test_updates_beside_upgrades() -> None:
    result = measure(UpdateCase(4, 2, beside=True, updates=QUICK), settled=False)

    assert (len(result.runs), result.actions, result.otherwise) == (4, 20, 0)
    assert len(result.handovers) == 2
    assert result.upgrade is not None
    assert len(result.upgrade.handovers) == 4
    assert all(0 < delay < 10 for delay in result.upgrade.handovers)
    assert _well_measured(result)

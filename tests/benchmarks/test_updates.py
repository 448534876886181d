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
    span = max(run.fed_back for run in result.runs) - min(run.armed for run in result.runs)
    assert 0 < min(result.handovers) <= max(result.handovers) < span
    assert result.progress_writes <= 2 * 4 * result.case.messages
    assert result.makespan_ratio >= 1
    assert result.upgrade is None
    assert _well_measured(result)


def test_updates_beside_upgrades() -> None:
    result = measure(UpdateCase(4, 2, beside=True, updates=QUICK), settled=False)

    assert (len(result.runs), result.actions, result.otherwise) == (4, 20, 0)
    assert len(result.handovers) == 2
    assert result.upgrade is not None
    delays = result.upgrade.handovers
    assert len(delays) == 4
    assert 0 < min(delays) <= max(delays) < result.upgrade.makespan
    assert _well_measured(result)

"""The comparison with TALM: what follows from the clusters' timelines, and its table."""

from pathlib import Path

import pytest
from msgspec import DecodeError

from ibgu.core.drivers.ibu.actions import Action
from ibgu.sim.timeline import StageRun
from tests.benchmarks.peer.controllers import CONTROLLERS
from tests.benchmarks.peer.figures import Figures, figures, seen, table
from tests.benchmarks.peer.measured import Measured
from tests.benchmarks.peer.rows import ROWS


def run(stage: str, begin: float, end: float | None, outcome: str = "completed") -> StageRun:
    return StageRun(stage, begin, begin, end, outcome)


TIMELINES = {
    "site-1": [run(Action.PREP, 0, 10), run(Action.UPGRADE, 30, 50)],
    "site-2": [run(Action.PREP, 12, 22), run(Action.UPGRADE, 53, 63), run(Action.ABORT, 70, 71)],
    "site-3": [run(Action.PREP, 25, None, "")],
}


def test_waiting_between_clusters_is_what_exceeds_the_bound() -> None:
    found = seen(TIMELINES, slots=1)
    assert found.actions == 4
    assert (found.makespan, found.bound) == (63, 50)
    assert found.handovers == [2, 3]


def test_clusters_that_all_start_at_once_hand_nothing_over() -> None:
    found = seen(TIMELINES, slots=3)
    assert found.bound == 30
    assert found.handovers == []
    told = figures(
        found, completed=4, requests=40, cpu=0.1, hub_cpu=1, peak=2**20, echoes=[0.002, 0.004]
    )
    assert told.handover_p99_seconds == 0
    assert told.requests_per_action == 10
    assert told.cpu_ms_per_action == pytest.approx(25)
    assert told.echo_p99_ms == 4


def test_a_row_without_hand_overs_shows_none() -> None:
    *_, line = table({("3 clusters", "ibgu"): [asking(4, slots=3)]})
    assert line.startswith("| 3 clusters | ibgu | 2.10 | 63 s |  |  | 1.0 |")


def asking(requests: int, slots: int = 1) -> Figures:
    found = seen(TIMELINES, slots)
    return figures(found, completed=4, requests=requests, cpu=0, hub_cpu=0, peak=0, echoes=[])


def test_the_table_has_the_median_of_each_row() -> None:
    head, rule, line = table({("3 clusters", "ibgu"): [asking(n) for n in (4, 400, 8)]})
    assert head.startswith("| rollout | by | makespan ÷ bound |")
    assert rule.count("|") == head.count("|") == line.count("|")
    assert line.startswith("| 3 clusters | ibgu | 1.26 | 63 s | 3.00 s | 3.00 s | 2.0 |")


def test_runs_of_another_day_count_too(tmp_path: Path) -> None:
    into = tmp_path / "runs.json"
    Measured(into).add("3 clusters", "ibgu", asking(4))
    today = Measured(into)
    today.add("3 clusters", "TALM", asking(400))
    today.add("3 clusters", "ibgu", asking(8))
    assert Measured(into).runs == today.runs
    assert today.runs["3 clusters", "ibgu"] == [asking(4), asking(8)]


def test_a_file_with_anything_else_is_refused(tmp_path: Path) -> None:
    other = tmp_path / "other.json"
    other.write_text('{"3 clusters": {"ibgu": [{"makespan": 1}]}}')
    with pytest.raises(DecodeError):
        Measured(other)


def test_every_row_makes_a_fleet_and_a_plan_for_it() -> None:
    for row in ROWS.values():
        assert len(row.fleet().clusters()) == row.case.clusters
        strategies = [step["rolloutStrategy"] for step in row.case.ibgu()["spec"]["plan"]]
        assert {each["maxConcurrency"] for each in strategies} == {row.case.slots}
        assert set(row.by) <= set(CONTROLLERS)
    assert ROWS["failed_prep"].fleet().faults_by_cluster()["site-0001"]
    assert not ROWS["polled"].fleet().agent.watches

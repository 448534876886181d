"""Thresholds: each has a bound, a reason, and what was measured, if it was."""

import tomllib
from statistics import mean
from typing import Any

import pytest

from tests.benchmarks import record
from tests.benchmarks.report import THRESHOLDS

TEXT = """\
[fleet.peak]
bound = 300.0
measured = [400.0]
why = "first"

[fleet.rest]
bound = 1.0
measured = [2.0, 3.0]
mean = 2.5
spread = 0.4
why = "second"
"""


def tables(found: dict[str, Any], name: str = "") -> dict[str, dict[str, Any]]:
    if "bound" in found:
        return {name: found}
    inner = (tables(value, f"{name}.{key}".strip(".")) for key, value in found.items())
    return {key: value for each in inner for key, value in each.items()}


THRESHOLD = tables(tomllib.loads(THRESHOLDS.read_text()))


@pytest.mark.parametrize("name", THRESHOLD)
def test_every_threshold_has_a_reason_and_its_measurements(name: str) -> None:
    found = THRESHOLD[name]
    assert found["why"]
    if not found["measured"]:
        assert not {"mean", "spread"} & set(found)
        return
    assert found["mean"] == pytest.approx(mean(found["measured"]), rel=1e-3)
    assert found["spread"] == pytest.approx(record.spread(found["measured"]), abs=0.006)


@pytest.mark.parametrize("table", ["fleet.peak", "fleet.rest"])
def test_runs_take_the_place_of_those_before(table: str) -> None:
    text = record.recorded(TEXT, table, [1.0, 2.00004, 3.0])
    before, after = (tables(tomllib.loads(each)) for each in (TEXT, text))
    measured = {"measured": [1.0, 2.0, 3.0], "mean": 2.0, "spread": 1.0}
    assert after == before | {table: before[table] | measured}


def test_a_figure_without_a_threshold_is_refused() -> None:
    with pytest.raises(ValueError, match=r"thresholds.toml has no \[fleet.other\]"):
        record.recorded(TEXT, "fleet.other", [1.0])


def test_the_spread_of_zeros_is_zero() -> None:
    assert record.spread([0.0, 0.0]) == 0.0


@pytest.mark.parametrize(
    ("figure", "table"),
    [
        ("fleet turn_ratio", "fleet.turn_ratio"),
        ("in_flight_500 1000x500 makespan_ratio", "in_flight_500.makespan_ratio"),
        ("500x50 makespan_ratio", "makespan_ratio"),
        ("200x20 makespan_ratio", ""),
        ("payload 200x20 makespan_ratio", ""),
        ("chain 200x20 next_action_p50_ms", "next_action_p50_ms"),
        ("chain 200x20 makespan_ratio", ""),
    ],
)
def test_runs_of_one_kind_are_kept_together(figure: str, table: str) -> None:
    assert record.table_of(figure) == table

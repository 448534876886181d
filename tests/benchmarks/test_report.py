"""Figures beside their bounds."""

import pytest

from tests.benchmarks.report import judge


@pytest.mark.parametrize(
    ("found", "good", "said"),
    [
        ({"handover_p50_ms": 49.0, "handover_p50_echoes": 2.9}, True, ["ok", "ok"]),
        ({"handover_p50_ms": 13.0, "handover_p50_echoes": 4.0}, True, ["ok", "ok in ms"]),
        ({"handover_p99_ms": 330.0, "handover_p99_echoes": 0.9}, True, ["ok in echoes", "ok"]),
        ({"handover_p50_ms": 51.0, "handover_p50_echoes": 3.1}, False, ["OVER", "OVER"]),
        ({"handover_p50_ms": 51.0}, False, ["OVER"]),
        ({"makespan_ratio": 1.06, "handover_p50_ms": 1.0}, False, ["OVER", "ok"]),
    ],
)
def test_a_delay_is_within_in_one_of_its_units(
    capsys: pytest.CaptureFixture[str], found: dict[str, float], good: bool, said: list[str]
) -> None:
    assert judge(found) is good
    lines = capsys.readouterr().out.splitlines()
    assert [line.rsplit("   ", 1)[1] for line in lines] == said

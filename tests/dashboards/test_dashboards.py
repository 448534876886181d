"""The dashboards show what there is, and are what the code makes."""

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from ibgu import telemetry
from ibgu.core.views.display import DisplayState
from tests.charts.rendering import render
from tests.dashboards.boards import BOARDS
from tests.dashboards.descriptions import DESCRIPTIONS
from tests.dashboards.files import FOLDER, contents
from tests.dashboards.panels import COLOURS
from tests.tools.binaries import tools

OTHERS = {"process_resident_memory_bytes", "process_cpu_seconds_total"}
"""What every Python process has."""
OF_THE_TARGET = {"le", "pod", "job"}
"""Labels that a histogram, and Prometheus itself, add."""
FUNCTIONS = {
    *("sum", "max", "min", "time", "by", "rate", "increase", "count", "histogram_quantile"),
    *("label_values",),
}


def panels(name: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(contents()[f"{name}.json"])["panels"]
    return found


def queries(name: str) -> list[str]:
    board = json.loads(contents()[f"{name}.json"])
    asked = [target["expr"] for panel in board["panels"] for target in panel["targets"]]
    variables = board["templating"]["list"]
    return asked + [each["query"] for each in variables if each["type"] == "query"]


def labels(query: str) -> set[str]:
    """Asked for in selectors and groupings, or by label_values."""
    selected = re.findall(r"[{,]\s*(\w+)\s*(?:=~|!~|!=|=)\s*\"", query)
    grouped = [each for group in re.findall(r"by \(([^)]*)\)", query) for each in group.split(",")]
    listed = re.findall(r"label_values\(\w+, (\w+)\)", query)
    return {each.strip() for each in [*selected, *grouped, *listed]}


def test_the_chart_has_what_the_code_makes() -> None:
    """If not: `make dashboards`."""
    assert {path.name: path.read_text() for path in FOLDER.glob("*.json")} == contents()


@pytest.mark.parametrize("name", BOARDS)
def test_every_metric_and_label_exists(name: str) -> None:
    known = telemetry.metrics()
    asked = queries(name)
    assert asked
    for query in asked:
        unquoted = re.sub(r'"[^"]*"', '""', query)
        names = set(re.findall(r"\b[a-z]+_[a-z_]+\b", unquoted)) - FUNCTIONS - {"__rate_interval"}
        names -= OTHERS
        metrics = [known[re.sub(r"_(bucket|sum|count)$", "", each)] for each in names]
        assert metrics or OTHERS & set(re.findall(r"\w+", query))
        allowed = OF_THE_TARGET.union(*(metric.labels for metric in metrics))
        assert labels(query) <= allowed, query


@pytest.mark.parametrize("name", BOARDS)
def test_counters_are_shown_as_rates_and_gauges_as_they_are(name: str) -> None:
    for query in queries(name):
        for metric, told in telemetry.metrics().items():
            if not re.search(rf"\b{metric}(_bucket|_sum|_count)?\b", query):
                continue
            rated = re.search(rf"(rate|increase)\({metric}", query) is not None
            assert rated == (told.kind in ("counter", "histogram")), query


def test_every_metric_is_shown_somewhere() -> None:
    everything = " ".join(query for name in BOARDS for query in queries(name))
    assert {name for name in telemetry.metrics() if name not in everything} == set()


@pytest.mark.parametrize("name", BOARDS)
def test_panels_fill_the_width_and_do_not_overlap(name: str) -> None:
    cells = [
        (x, y)
        for panel in panels(name)
        for place in [panel["gridPos"]]
        for x in range(place["x"], place["x"] + place["w"])
        for y in range(place["y"], place["y"] + place["h"])
    ]
    assert len(cells) == len(set(cells))
    assert max(x for x, _ in cells) == 23
    titles = [panel["title"] for panel in panels(name)]
    assert len(titles) == len(set(titles))


def test_every_description_is_that_of_a_panel() -> None:
    titles = {panel["title"] for name in BOARDS for panel in panels(name)}
    assert set(DESCRIPTIONS) == titles


@pytest.mark.parametrize("name", BOARDS)
def test_every_unit_is_one_of_grafanas(name: str) -> None:
    units = {panel["fieldConfig"]["defaults"].get("unit") for panel in panels(name)}
    assert units <= {None, "short", "s", "reqps", "Bps", "wps", "bytes"}


def test_each_state_has_its_colour() -> None:
    assert set(COLOURS) == set(DisplayState)


def test_the_chart_brings_them_to_grafana() -> None:
    objects = render({"dashboards": {"namespace": "grafana", "labels": {"find": "me"}}})
    maps = [o for o in objects if o["kind"] == "ConfigMap"]
    assert {o["metadata"]["namespace"] for o in maps} == {"grafana"}
    assert {o["metadata"]["labels"]["find"] for o in maps} == {"me"}
    data = {key: text for o in maps for key, text in o["data"].items()}
    assert {f"ibgu-{name}": json.loads(text) for name, text in contents().items()} == {
        key: json.loads(text) for key, text in data.items()
    }
    assert not [o for o in render({"dashboards": {"enabled": False}}) if o["kind"] == "ConfigMap"]


def test_prometheus_understands_every_query(tmp_path: Path) -> None:
    """The queries are judged as recording rules, with Grafana's variables filled in."""
    filled = [
        query.replace("$__rate_interval", "5m").replace("$rollout", "ran/a")
        for name in BOARDS
        for query in queries(name)
        if not query.startswith("label_values")
    ]
    rules = [{"record": f"query:{number}", "expr": expr} for number, expr in enumerate(filled)]
    file = tmp_path / "queries.yaml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "queries", "rules": rules}]}))
    done = subprocess.run(
        [tools().promtool, "check", "rules", "--lint=none", file],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{len(rules)} rules found" in done.stdout

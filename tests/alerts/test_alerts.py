"""The alerts, as Prometheus itself judges them."""

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import generate_latest

from ibgu import telemetry
from ibgu.resources import shipped
from tests.alerts.cases import CASES, Case
from tests.charts.rendering import render
from tests.tools.binaries import tools

FILE = shipped("charts/ibgu") / "files" / "alerts.yaml"
RUNBOOKS = Path(__file__).parents[2] / "docs" / "runbooks"
RULES: list[dict[str, Any]] = [
    rule for group in yaml.safe_load(FILE.read_text())["groups"] for rule in group["rules"]
]
NAMES = [rule["alert"] for rule in RULES]


def promtool(*arguments: str) -> None:
    done = subprocess.run(
        [tools().promtool, *arguments], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def as_group(case: Case) -> dict[str, Any]:
    """One of promtool's tests: which alerts of that name fire at that minute."""
    return {
        "name": f"{case.alert}: {case.name}",
        "interval": "1m",
        "input_series": [{"series": name, "values": v} for name, v in case.series.items()],
        "promql_expr_test": [
            {
                "expr": f'ALERTS{{alertname="{case.alert}",alertstate="firing"}}',
                "eval_time": f"{case.minute}m",
                "exp_samples": [
                    {
                        "labels": f'ALERTS{{alertname="{case.alert}",alertstate="firing",{each}}}',
                        "value": 1,
                    }
                    for each in case.fires
                ],
            }
        ],
    }


def test_prometheus_reads_the_rules() -> None:
    promtool("check", "rules", "--lint=all", "--lint-fatal", str(FILE))


def test_prometheus_likes_the_metrics() -> None:
    """Names, units and suffixes, as its linter knows them."""
    done = subprocess.run(
        [tools().promtool, "check", "metrics"],
        input=generate_latest(),
        capture_output=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


def test_alerts_fire_and_keep_still(tmp_path: Path) -> None:
    file = tmp_path / "cases.yaml"
    groups = [as_group(case) for case in CASES]
    file.write_text(
        yaml.safe_dump({"rule_files": [str(FILE)], "evaluation_interval": "1m", "tests": groups})
    )
    promtool("test", "rules", str(file))


def test_annotations_of_an_alert_are_filled_in(tmp_path: Path) -> None:
    series = {
        "series": 'ibgu_watch_age_seconds{kind="manifestworks",pod="a"}',
        "values": "200+60x9",
    }
    alert = {
        "exp_labels": {"severity": "critical", "kind": "manifestworks"},
        "exp_annotations": {
            "summary": "The hub says nothing about manifestworks",
            "description": (
                "The watch of manifestworks was last heard 8m 20s ago. While a mirror is not "
                "complete, nothing is decided."
            ),
            "runbook_url": "docs/runbooks/IbguWatchSilent.md",
        },
    }
    group = {
        "interval": "1m",
        "input_series": [series],
        "alert_rule_test": [
            {"eval_time": "5m", "alertname": "IbguWatchSilent", "exp_alerts": [alert]}
        ],
    }
    file = tmp_path / "words.yaml"
    file.write_text(yaml.safe_dump({"rule_files": [str(FILE)], "tests": [group]}))
    promtool("test", "rules", str(file))


@pytest.mark.parametrize("name", NAMES)
def test_each_alert_was_seen_to_fire_and_to_keep_still(name: str) -> None:
    assert {bool(case.fires) for case in CASES if case.alert == name} == {True, False}


@pytest.mark.parametrize("rule", RULES, ids=NAMES)
def test_each_alert_asks_for_metrics_and_labels_that_exist(rule: dict[str, Any]) -> None:
    metrics = telemetry.metrics()
    found = re.findall(r"\b(ibgu_\w+)(?:\{([^}]*)\})?", rule["expr"])
    assert found
    for name, selector in found:
        metric = metrics[re.sub(r"_(bucket|sum|count)$", "", name)]
        asked = set(re.findall(r"(\w+)\s*(?:=~|!~|!=|=)", selector)) - {"le"}
        assert asked <= set(metric.labels)


@pytest.mark.parametrize("rule", RULES, ids=NAMES)
def test_each_alert_has_a_runbook(rule: dict[str, Any]) -> None:
    page = RUNBOOKS / f"{rule['alert']}.md"
    assert rule["annotations"]["runbook_url"] == f"docs/runbooks/{page.name}"
    text = page.read_text()
    assert text.startswith(f"# {rule['alert']}\n")
    assert all(
        f"\n## {part}\n" in text for part in ("What it means", "Where to look", "What to do")
    )


def test_each_runbook_has_an_alert() -> None:
    assert {page.stem for page in RUNBOOKS.glob("*.md")} == set(NAMES)


def test_the_chart_installs_them_as_they_were_tested() -> None:
    [rule] = [o for o in render({"monitoring": {"rules": "always"}}) if o["kind"] == MADE]
    assert rule["spec"] == yaml.safe_load(FILE.read_text())


def test_the_chart_leads_to_runbooks_elsewhere() -> None:
    where = "https://wiki.example.com/ibgu/"
    [rule] = [
        o
        for o in render({"monitoring": {"rules": "always", "runbooks": where}})
        if o["kind"] == MADE
    ]
    links = {
        each["alert"]: each["annotations"]["runbook_url"]
        for group in rule["spec"]["groups"]
        for each in group["rules"]
    }
    assert links == {name: f"{where}{name}.md" for name in NAMES}


MADE = "PrometheusRule"


def test_the_page_lists_every_alert() -> None:
    page = (RUNBOOKS.parent / "alerts.md").read_text()
    listed = re.findall(
        r"^\| \[(\w+)\]\(runbooks/\w+\.md\) \| (\w+) \|.*\| ([\w ]+) \|$", page, re.M
    )
    assert listed == [
        (rule["alert"], rule["labels"]["severity"], rule.get("for", "at once")) for rule in RULES
    ]

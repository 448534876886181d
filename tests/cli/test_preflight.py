"""`ibgu preflight`: the findings by rule, and the exit code."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog
import yaml

from ibgu.cli.show.output_style import OutputStyle
from ibgu.cli.show.preflight import preflight_lines
from ibgu.client.responses import PreflightFindingResponse, PreflightResponse
from ibgu.db import Journal
from tests.api.fleet import over, rollout, seen
from tests.api.test_changes import manifest
from tests.api.test_preflight import IMAGE, RELEASES, clusters
from tests.api.test_recorded_preflight import judged
from tests.cli.conftest import Ibgu

__all__ = ["clusters"]


@pytest.fixture(autouse=True)
def log() -> Iterator[None]:
    """Silences the API's log, which runs in the same process and so on the same output."""
    with structlog.testing.capture_logs():
        yield


def write(path: Path, *steps: str, version: str = "4.17.3") -> str:
    body: dict[str, Any] = manifest(*steps)
    body["spec"]["clusterLabelSelectors"] = [{"matchLabels": {"fleet": "pf"}}]
    body["spec"]["ibuSpec"] = {"seedImageRef": {"image": IMAGE, "version": version}}
    path.write_text(yaml.safe_dump(body))
    return str(path)


async def test_findings_come_by_rule_with_their_clusters(ibgu: Ibgu, tmp_path: Path) -> None:
    file = write(tmp_path / "plan.yaml", "Prep", "Upgrade")
    found = await ibgu("preflight", "-f", file, user="olga")
    assert found.exit_code == 1, found.output
    lines = found.stdout.splitlines()
    assert lines[:4] == [
        "P1 error 1 cluster: are older than 4.14.13, the first supported release (pf-2)",
        "    → Update the cluster the usual way first, or leave it out of the selectors.",
        "P2 error 1 cluster: are newer than 4.17.3, which clusters refuse (pf-10)",
        "    → Leave the cluster out of the selectors, or name a later seed.",
    ]
    assert (
        "P6 unknown Deployment openshift-lifecycle-agent/lifecycle-agent-controller-manager: was "
        "not read: only the cluster knows, and inspections are off: set IBGU_PREFLIGHT_INSPECTIONS"
    ) in lines
    assert lines[-2] == "2 of 3 clusters would fail"
    assert lines[-1].startswith("42 rules: 4 found errors, ")
    as_json = await ibgu("preflight", "-f", file, "-o", "json", user="olga")
    body = json.loads(as_json.stdout)
    assert (as_json.exit_code, body["clusters"], body["blocked"]) == (1, 3, 2)
    names = await ibgu("preflight", "-f", file, "-o", "name", user="olga")
    assert names.stdout.splitlines() == ["managedcluster/pf-2", "managedcluster/pf-10"]


async def test_an_error_of_the_plan_keeps_all_clusters(ibgu: Ibgu, tmp_path: Path) -> None:
    file = write(tmp_path / "plan.yaml", "Prep", version="4.17")
    names = await ibgu("preflight", "-f", file, "-o", "name", user="olga")
    assert names.exit_code == 1
    assert names.stdout.splitlines() == [f"managedcluster/pf-{n}" for n in (1, 2, 10)]


async def test_a_rollout_with_all_steps_begun_is_not_checked(ibgu: Ibgu, journal: Journal) -> None:
    one = rollout("pf")
    await seen(journal, one)
    await over(journal, one)
    found = await ibgu("preflight", "ran-pf", "-n", "default", user="olga")
    assert found.exit_code == 5
    words = (
        "no cluster was checked: every step of ran-pf has started, and preflight checks only "
        "steps that have not"
    )
    assert found.stdout.splitlines()[-2] == words


async def test_clusters_by_their_labels(ibgu: Ibgu) -> None:
    well = await ibgu("preflight", "-l", "fleet=pf,fleet!=x", "--target", "4.17.3", user="olga")
    assert well.exit_code == 1
    assert "2 of 3 clusters would fail" in well.stdout
    nobody = await ibgu("preflight", "-l", "fleet=none", user="olga")
    assert nobody.exit_code == 5
    assert "no cluster was checked: no cluster matches the selector" in nobody.stdout


async def test_a_plan_that_is_invalid_is_to_be_corrected(ibgu: Ibgu, tmp_path: Path) -> None:
    file = write(tmp_path / "plan.yaml", "Upgrade Prep")
    found = await ibgu("preflight", "-f", file, user="olga")
    assert found.exit_code == 1
    assert "P35 error" in found.stdout
    assert "no cluster was checked: correct the plan first (P35)" in found.stdout


async def test_a_plan_that_takes_no_cluster(ibgu: Ibgu, tmp_path: Path) -> None:
    file = write(tmp_path / "plan.yaml", "Upgrade")
    found = await ibgu("preflight", "-f", file, user="olga")
    assert found.exit_code == 5
    assert "selects no cluster now" in found.stdout


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a: " + "[" * 5_000, "line 1 is nested deeper than 60 levels"),
        (
            "a: &a [1]\nb: [" + "*a, " * 200_000 + "]",
            "line 2 has more than 100000 values",
        ),
        ("kind: A\n---\nkind: \x00\n", "line 3 isn't valid YAML"),
        ("kind: A\nkind: B\n", "line 2 has the key 'kind' twice"),
    ],
)
async def test_a_hostile_file_is_refused_with_its_line(
    ibgu: Ibgu, tmp_path: Path, text: str, words: str
) -> None:
    file = tmp_path / "plan.yaml"
    file.write_text(text)
    found = await ibgu("preflight", "-f", str(file), user="olga")
    assert found.exit_code == 1
    assert f"can't read a manifest from {file}: " in found.stderr
    assert words in found.stderr


async def test_an_api_that_does_not_answer(ibgu: Ibgu) -> None:
    found = await ibgu("preflight", "-l", "a=b", IBGU_SERVER="http://127.0.0.1:1")
    assert (found.exit_code, found.stdout) == (1, "")
    assert len(found.stderr.splitlines()) == 1


async def test_invalid_arguments_are_refused(ibgu: Ibgu) -> None:
    for args in ((), ("x", "-f", "y"), ("x", "-l", "a=b"), ("x", "--target", "4.17.3")):
        assert (await ibgu("preflight", *args)).exit_code == 2
    wrong = await ibgu("preflight", "-l", "a in", user="olga")
    assert (wrong.exit_code, "write it like a=b" in wrong.stderr) == (2, True)


def lines(*findings: PreflightFindingResponse, wide: bool = False) -> list[str]:
    blocked = sum(each.severity == "error" for each in findings)
    report = PreflightResponse(clusters=len(RELEASES), blocked=blocked, rules=(), findings=findings)
    return list(preflight_lines(report, OutputStyle(colours=False), wide=wide))


def finding(**changes: Any) -> PreflightFindingResponse:
    given: dict[str, Any] = {
        "rule": "P18",
        "severity": "warning",
        "object": "Restore openshift-adp/app",
        "field": "metadata.annotations[x]",
        "file": "ConfigMap openshift-adp/oadp-cm a.yaml",
        "line": 7,
        "message": "is no number",
        "remedy": "Write one.",
        "reference": "15",
        "count": 3,
        "clusters": (),
    }
    return PreflightFindingResponse(**(given | changes))


def test_a_finding_in_a_config_map_has_its_key_and_line() -> None:
    shown = lines(finding(), finding(line=9))
    assert shown[:3] == [
        "P18 warning Restore openshift-adp/app metadata.annotations[x] (ConfigMap "
        "openshift-adp/oadp-cm a.yaml:7): is no number",
        "P18 warning Restore openshift-adp/app metadata.annotations[x] (ConfigMap "
        "openshift-adp/oadp-cm a.yaml:9): is no number",
        "    → Write one.",
    ]
    assert shown[3] == "no errors for 3 clusters"


def test_many_clusters_are_cut_unless_all_are_asked_for() -> None:
    names = tuple(f"s{n}" for n in range(1, 8))
    many = finding(clusters=names, count=7, message="wait")
    assert lines(many)[0] == "P18 warning 7 clusters: wait (s1, s2, s3, s4, s5, …)"
    assert lines(many, wide=True)[0] == "P18 warning 7 clusters: wait (s1, s2, s3, s4, s5, s6, s7)"


def test_rules_that_are_unknown_for_one_reason_share_a_line() -> None:
    why = {"severity": "unknown", "file": "", "message": "was not read as a whole"}
    shown = lines(finding(rule="P16", **why), finding(**why), finding(rule="P19", **why, line=0))
    assert shown[0] == (
        "P16, P18, P19 unknown Restore openshift-adp/app metadata.annotations[x]: was not read as "
        "a whole"
    )
    assert len(shown) == 3


def test_words_of_a_cluster_stay_in_their_line() -> None:
    hostile = finding(clusters=("s1",), count=1, message="run \x1b[31mEKS\nP1 error")
    assert "\x1b" not in lines(hostile)[0]
    assert lines(hostile)[0].endswith("(s1)")


async def test_findings_before_a_step_come_with_what_came_of_them(
    ibgu: Ibgu, journal: Journal
) -> None:
    await judged(journal)
    found = await ibgu("preflight", "ran-r1", "-n", "default", "--recorded", user="olga")
    assert found.exit_code == 0, found.output
    first, *lines = found.stdout.splitlines()
    assert first.startswith("step 1: Prep, checked at 20")
    assert lines == [
        "  P31 error 2 clusters: have a full disk (a, c)",
        "  P13 warning the plan: ConfigMap default/oadp: was not found",
        "  2 rules could not be checked: P6, P7",
        "  2 clusters failed in a way that rules look for: found before 1, not checked 0, missed 1",
        "  1 cluster failed in a way that no rule looks for",
        "  1 cluster with an error succeeded all the same",
        "    Prep PrecacheFailed: 2 clusters, found before 1, missed 1 (P12, P31)",
        "    Prep unknown failure: 1 cluster",
    ]
    as_json = await ibgu(
        "preflight", "ran-r1", "-n", "default", "--recorded", "-o", "json", user="olga"
    )
    assert json.loads(as_json.stdout)["items"][0]["found"] == 1


async def test_a_rollout_that_was_never_evaluated_says_so(ibgu: Ibgu, journal: Journal) -> None:
    await seen(journal, rollout("pf"))
    found = await ibgu("preflight", "ran-pf", "-n", "default", "--recorded", user="olga")
    assert found.stdout == "preflight has evaluated no step of this rollout\n"


@pytest.mark.parametrize(
    "given", [["-l", "a=b"], ["ran-pf", "--inspect"], ["ran-pf", "-o", "name"]]
)
async def test_recorded_findings_are_those_of_a_rollout(ibgu: Ibgu, given: list[str]) -> None:
    found = await ibgu("preflight", *given, "--recorded", user="olga")
    assert found.exit_code == 2
    assert "--recorded needs a rollout" in found.output

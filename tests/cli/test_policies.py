"""`ibgu policy lint` on files as a person has them."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from ibgu.cli.app import app

GOOD = """\
apiVersion: ibgu.dev/v1alpha1
kind: RolloutPolicy
metadata:
  name: hub-wide
spec:
  inFlight: 30
"""
BAD = """\
apiVersion: ibgu.dev/v1alpha1
kind: RolloutPolicy
metadata:
  name: night
spec:
  windows:
    - cron: 0 25 * * *
      durationMinutes: 60
      timeZone: Mars/Olympus
"""


def lint(*words: str | Path, given: str = "") -> Result:
    return CliRunner().invoke(app, ["policy", "lint", *map(str, words)], input=given)


def test_a_policy_that_can_be_followed_ends_with_0(tmp_path: Path) -> None:
    (tmp_path / "hub.yaml").write_text(GOOD)
    done = lint(tmp_path)
    assert (done.exit_code, done.stdout) == (0, "no findings in 1 policy\n")


def test_each_mistake_has_its_place_and_ends_with_1(tmp_path: Path) -> None:
    path = tmp_path / "all.yaml"
    path.write_text(f"{GOOD}---\n{BAD}")
    done = lint(path)
    assert done.exit_code == 1
    assert done.stdout.splitlines() == [
        f"{path}:8: error: RolloutPolicy night: spec.windows[0].cron: "
        '"0 25 * * *" is not a time of cron: Bad hour',
        f"{path}:8: error: RolloutPolicy night: spec.windows[0].timeZone: "
        '"Mars/Olympus" is not a time zone, such as Europe/Berlin',
        "2 errors in 2 policies",
    ]


def test_programs_read_json() -> None:
    done = lint("-", "-o", "json", given=BAD.replace("timeZone: Mars/Olympus", "when: never"))
    assert done.exit_code == 1
    assert json.loads(done.stdout) == {
        "findings": [
            {
                "policy": "night",
                "file": "-",
                "line": 1,
                "message": "spec.windows[0] has no field when",
            }
        ]
    }


def test_one_mistake_is_one_error() -> None:
    done = lint("-", given="a: [")
    assert done.exit_code == 1
    assert done.stdout.splitlines()[-1] == "1 error in 1 policy"


def test_lint_knows_the_actions_of_every_kind_in_a_process_of_its_own() -> None:
    given = GOOD + "  actions: [FinalizeUpgrade, Pools]\n"
    command = [sys.executable, "-m", "ibgu", "policy", "lint", "-"]
    done = subprocess.run(command, input=given, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "no findings in 1 policy\n")


def test_files_without_a_policy_are_a_misuse() -> None:
    done = lint("-", given="kind: ConfigMap\napiVersion: v1\n")
    assert done.exit_code == 2
    assert "there is no RolloutPolicy in these files" in done.stderr


SOURCES = """\
sources:
  - {name: thanos, url: "https://thanos.example"}
"""
ASKS = """\
apiVersion: ibgu.dev/v1alpha1
kind: RolloutPolicy
metadata:
  name: proven
spec:
  canaries:
    count: 1
    health:
      metrics: [{source: thanos, query: up}, {source: noc, query: up}]
"""


def test_sources_that_are_not_set_up_are_mistakes(tmp_path: Path) -> None:
    policy, sources = tmp_path / "policy.yaml", tmp_path / "sources.yaml"
    policy.write_text(ASKS)
    sources.write_text(SOURCES)
    assert lint(policy).exit_code == 0, "the sources are not known"
    done = lint(policy, "--sources", sources)
    assert done.exit_code == 1
    place = f"{policy}:1: error: RolloutPolicy proven: spec.canaries.health: "
    assert done.stdout.splitlines() == [
        f"{place}ibgu knows no source noc: have its administrator add it to "
        "healthSources.sources of the chart, or have the policy's owner name another one",
        "1 error in 1 policy",
    ]
    policy.write_text(ASKS.replace("noc", "thanos"))
    assert lint(policy, "--sources", sources).exit_code == 0


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("sources: {", ":2: isn't valid YAML"),
        (f"{SOURCES}---\n{SOURCES}", ": has 2 documents, and sources are in one"),
        ("", ": has 0 documents, and sources are in one"),
        ("sources: [{url: x}]", ": sources[0]: Object missing required field `name`"),
    ],
)
def test_a_file_of_sources_that_can_not_be_used_ends_with_2(
    tmp_path: Path, text: str, words: str
) -> None:
    path = tmp_path / "sources.yaml"
    path.write_text(text)
    done = lint("-", "--sources", path, given=ASKS)
    assert done.exit_code == 2
    assert f"ibgu: {path}{words}" in done.stderr


@pytest.mark.parametrize("path", ["night.yaml", "policies/night"])
def test_a_file_is_not_explained_but_checked(path: str) -> None:
    done = CliRunner().invoke(app, ["policy", "explain", path])
    assert done.exit_code == 2
    assert done.stderr == (
        f"ibgu: '{path}' is not the name of a RolloutPolicy; to check a file: ibgu policy lint\n"
    )

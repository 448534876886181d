"""`ibgu policy lint` on files as a person has them."""

import json
import subprocess
import sys
from pathlib import Path

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
                "message": "Object contains unknown field `when` - at `$.spec.windows[0]`",
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

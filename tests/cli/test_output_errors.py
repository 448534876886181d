"""Output that can't be written, and numbers that are too large, are errors of one line."""

import subprocess
import sys

import pytest
from typer.testing import CliRunner

from ibgu.cli.app import app


def test_a_full_disk_is_an_error_of_one_line() -> None:
    command = [sys.executable, "-m", "ibgu", "--version"]
    with open("/dev/full", "w") as full:
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr == "ibgu: can't write the output: No space left on device\n"


@pytest.mark.parametrize(
    "command", [("history", "a", "--limit"), ("events", "demo", "--tail")], ids=" ".join
)
def test_a_number_beyond_all_bounds_is_refused(command: tuple[str, ...]) -> None:
    done = CliRunner().invoke(app, [*command, "9" * 20])
    assert done.exit_code == 2
    assert "is too large: at most 2147483647" in done.stderr

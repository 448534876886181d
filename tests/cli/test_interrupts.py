"""A command is interrupted once, and leaves each cluster as it was."""

import signal
import subprocess
import sys

import pytest

SCRIPT = """
import asyncio, sys
from ibgu.cli import interrupts

async def cluster(number):
    try:
        if number == 0:
            print("begun", flush=True)
        await asyncio.sleep(60)
    finally:
        await asyncio.sleep(2.0 * number)
        print("restored", number, flush=True)
        if number == 2:
            interrupts.report_if_interrupted("site-2", "its work may still be there")

async def main():
    try:
        await interrupts.all_of(map(cluster, range(3)))
    finally:
        print("connection closed", flush=True)

try:
    interrupts.run(main())
except KeyboardInterrupt:
    sys.exit(130)
"""


def started(script: str = SCRIPT) -> "subprocess.Popen[str]":
    process = subprocess.Popen(
        [sys.executable, "-c", script],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout
    assert process.stdout.readline() == "begun\n"
    return process


def rest(process: "subprocess.Popen[str]") -> tuple[list[str], list[str]]:
    """Returns the lines of both outputs that nobody has read. `communicate` would lose those that
    arrived together with one that was read."""
    assert process.stdout
    assert process.stderr
    with process:
        return process.stdout.read().splitlines(), process.stderr.read().splitlines()


@pytest.mark.parametrize("by", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_signals_in_a_row_let_every_cluster_be_restored_first(by: signal.Signals) -> None:
    process = started()
    process.send_signal(by)
    assert process.stdout
    assert process.stdout.readline() == "restored 0\n"
    process.send_signal(by)
    output, errors = rest(process)
    assert output == ["restored 1", "restored 2", "connection closed"]
    assert process.returncode == 130
    assert errors == [
        "ibgu: ending: leaving the clusters as they were",
        "ibgu: site-2: its work may still be there",
    ]


def test_a_signal_that_nohup_ignores_stays_ignored() -> None:
    ignoring = "import signal; signal.signal(signal.SIGHUP, signal.SIG_IGN)"
    process = started(ignoring + SCRIPT)
    process.send_signal(signal.SIGHUP)
    process.send_signal(signal.SIGTERM)
    _, errors = rest(process)
    assert errors[0] == "ibgu: ending: leaving the clusters as they were"
    assert not any("ending" in line for line in errors[1:])
    assert process.returncode == 130


def test_the_first_error_is_raised_when_all_have_ended() -> None:
    script = """
import asyncio
from ibgu.cli import interrupts

async def cluster(number):
    await asyncio.sleep(0.1 * number)
    print("ended", number)
    if number == 0:
        raise ValueError("the first")

print("begun", flush=True)
try:
    interrupts.run(interrupts.all_of(map(cluster, range(3))))
except ValueError as error:
    print(error)
"""
    output, _ = rest(started(script))
    assert output == ["ended 0", "ended 1", "ended 2", "the first"]


WHILE_IMPORTING = """
import os, signal, sys

class CtrlC:
    def find_spec(self, name, path=None, target=None):
        if name == sys.argv[1]:
            sys.meta_path.remove(self)
            os.kill(os.getpid(), signal.SIGINT)

sys.meta_path.insert(0, CtrlC())
import ibgu.cli

getattr(ibgu.cli, sys.argv[2])()
"""


@pytest.mark.parametrize("command", ["main", "kubectl_complete"])
@pytest.mark.parametrize("module", ["ibgu.cli.app", "typer", "ibgu.cli.version"])
def test_ctrl_c_while_modules_are_imported_ends_quietly(command: str, module: str) -> None:
    """The module's import is where the signal comes."""
    argv = [sys.executable, "-c", WHILE_IMPORTING, module, command]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")

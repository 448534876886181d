"""Updates to another release, alone and beside image-based upgrades of the same clusters."""

import re

import pytest

from tests.simulation.conftest import Simulate

SEEDS = 10
"""One of each theme."""
CHECKS = (
    "an update begins only by a run that asked for it",
    "R9 nothing is asked again after the disarm",
    "R7 an update succeeds once its nodes have it",
    "R10 a refusal is the cluster's",
    "R49 one minor release at once",
    "R49 no hop before the last one is complete",
    "no update behind a withdrawn one",
    "no update behind a refused one",
    "R6 one armed work a cluster",
    "certified: evidence",
)


@pytest.mark.parametrize("kind", ["update", pytest.param("both", marks=pytest.mark.slow("net"))])
def test_updates_survive_everything(simulate: Simulate, kind: str) -> None:
    run = simulate("--kind", kind, "--first", "21", "--count", str(SEEDS))

    assert run.returncode == 0, run.stdout + run.stderr
    ends = {how: int(count) for count, how in re.findall(r"(\d+) runs ended: (\w+)", run.stdout)}
    assert ends["succeeded"] > 100, ends
    assert {"failed", "limit"} <= ends.keys(), ends
    struck = {kind: int(count) for count, kind in re.findall(r"(\d+) x ([\w-]+)", run.stdout)}
    assert {"kill", "kill-in-commit", "outage", "dark", "hub-restored"} <= struck.keys(), struck
    held = set(re.findall(r"checks held: (.+)", run.stdout))
    assert held.issuperset(CHECKS), set(CHECKS) - held

"""The real controllers take whole rollouts of the toy driver's kind through all faults."""

import re

import pytest

from tests.simulation.conftest import Simulate

SEEDS = 20
"""Two of each theme."""


@pytest.mark.slow("net")
def test_rollouts_of_a_second_kind_survive_everything(simulate: Simulate) -> None:
    """Nothing that is checked knows the kind; the certifier has the toy driver's proofs."""
    run = simulate("--kind", "firmware", "--first", "21", "--count", str(SEEDS))

    assert run.returncode == 0, run.stdout + run.stderr
    ends = {how: int(count) for count, how in re.findall(r"(\d+) runs ended: (\w+)", run.stdout)}
    assert ends["succeeded"] > 100, ends
    assert {"failed", "limit", "withdrawn"} <= ends.keys(), ends
    struck = {kind: int(count) for count, kind in re.findall(r"(\d+) x ([\w-]+)", run.stdout)}
    assert {"kill", "kill-in-commit", "outage", "dark", "hub-restored"} <= struck.keys(), struck
    assert "checks held: certified: evidence" in run.stdout


def test_the_net_holds_for_a_second_kind(simulate: Simulate) -> None:
    run = simulate("--kind", "firmware", "--seed", "10", "--only", "", "--broken", "no-disarm")

    assert run.returncode == 1
    assert "R9 disarmed before the claim is freed" in run.stdout

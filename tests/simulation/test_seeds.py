"""The real controllers survive what happens to them, for every seed."""

import re

from tests.simulation.conftest import Simulate

SEEDS = 200
"""Twenty of each theme."""


def test_no_seed_breaks_anything(simulate: Simulate) -> None:
    run = simulate("--count", str(SEEDS))

    assert run.returncode == 0, run.stdout + run.stderr
    assert f"{SEEDS} seeds" in run.stdout


def test_a_seed_is_always_the_same(simulate: Simulate) -> None:
    """In another process, and beside other seeds."""
    traces = [
        re.findall(r"seed 5: .*, (\d+ events, \w+)", simulate(*arguments).stdout)
        for arguments in (("--seed", "5"), ("--first", "4", "--count", "2"))
    ]

    assert traces[0]
    assert traces[0] == traces[1]


def test_a_seed_that_breaks_something_says_how_to_see_it_again(simulate: Simulate) -> None:
    run = simulate("--first", "10", "--count", "1", "--broken", "no-disarm")

    assert run.returncode == 1
    assert "  with 0 of 0 faults:" in run.stdout
    replay = re.search(r"replay: python -m tests.simulation (.*)", run.stdout)
    assert replay is not None
    assert replay[1] == "--seed 10 --only '' --broken no-disarm"
    again = simulate("--seed", "10", "--only", "", "--broken", "no-disarm")
    assert again.returncode == 1
    assert "seed 10: BROKEN" in again.stdout

"""The real controllers survive what happens to them, for every seed."""

import re

import pytest

from tests.simulation.conftest import Simulate

NIGHTLY = [(first, 20) for first in range(13, 193, 20)]
"""First seed and number of seeds of each part that comes at night: 192 with the first dozen."""


@pytest.mark.parametrize(
    ("first", "count"),
    [(1, 12), *(pytest.param(*part, marks=pytest.mark.slow("net")) for part in NIGHTLY)],
)
def test_no_seed_breaks_anything(simulate: Simulate, first: int, count: int) -> None:
    run = simulate("--first", str(first), "--count", str(count))

    assert run.returncode == 0, run.stdout + run.stderr
    assert f"{count} seeds" in run.stdout


@pytest.mark.parametrize(
    ("seed", "only"),
    [
        pytest.param("206", "0,3", id="clusters that come back when all is over"),
        pytest.param("308", "0", id="an agent that writes while the hub goes back"),
        pytest.param("491", "0,1,2", id="a hand on a cluster whose feedback nobody heard"),
        pytest.param("531", "5,7,8", id="works of a rollout that was gone, forbidden to remove"),
        pytest.param("1594", "0,2", id="a Prep that a hand replaced while nobody looked"),
        pytest.param("60415", "0,1", id="armed while its payload was on its way out"),
        pytest.param("70016", "3", id="begun again after a hand on a cluster that was dark"),
        pytest.param("70194", "0", id="a label pending for ever after an outage of the journal"),
    ],
)
def test_seeds_that_once_failed_pass(simulate: Simulate, seed: str, only: str) -> None:
    run = simulate("--seed", seed, "--only", only)

    assert run.returncode == 0, run.stdout + run.stderr


def test_a_seed_is_always_the_same(simulate: Simulate) -> None:
    """The seed is the same in another process, and beside other seeds."""
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

"""The certifier finds what a broken engine has done under a policy, from the history alone."""

import pytest

from tests.simulation.conftest import Simulate


@pytest.mark.slow("net")
@pytest.mark.parametrize(
    ("variant", "seed", "words"),
    [
        ("budgets-ignored", 163, "failureBudget allows 0"),
        ("canaries-not-awaited", 181, "before its canaries have finished"),
        ("soak-ignored", 181, "while its canaries soak"),
    ],
)
def test_a_start_too_many_is_certified_as_wrong(
    simulate: Simulate, variant: str, seed: int, words: str
) -> None:
    right = simulate("--seed", str(seed))
    assert right.returncode == 0, right.stdout + right.stderr
    wrong = simulate("--seed", str(seed), "--broken", variant)
    found = [line for line in wrong.stdout.splitlines() if "certified: policies: R50" in line]
    assert found, wrong.stdout + wrong.stderr
    assert all(words in line for line in found)

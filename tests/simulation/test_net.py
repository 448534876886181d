"""The net holds: an engine with a rule taken away does not pass the seed that shows it.

A change of the faults that are drawn may move such a seed. To find the next one, which becomes the
variant's `first`: `python -m tests.simulation --prove NAME`.
"""

import pytest

from tests.simulation.broken import VARIANTS, broken
from tests.simulation.conftest import Simulate

PARTS = 8
"""So that they share the cores, and none takes minutes on a slow machine."""


@pytest.mark.parametrize("name", VARIANTS)
def test_a_variant_breaks_what_is_there(name: str) -> None:
    """The names that it takes away by are those of the engine."""
    with broken(name):
        pass


@pytest.mark.parametrize("part", range(PARTS))
def test_every_broken_variant_is_caught(simulate: Simulate, part: int) -> None:
    variants = [*VARIANTS][part::PARTS]
    run = simulate("--prove", *variants, "--within", "1")

    print(run.stdout)
    assert run.returncode == 0, run.stdout + run.stderr
    assert run.stdout.count(" caught in ") == len(variants)

"""Cutting a list of faults down."""

from collections.abc import Sequence

import pytest

from tests.simulation.shrink import shrunk


@pytest.mark.parametrize("needed", [set(), {0}, {19}, {3, 4}, {0, 7, 19}, {1, 2, 11, 13}])
def test_unneeded_faults_are_removed(needed: set[int]) -> None:
    def fails(kept: Sequence[int]) -> bool:
        return needed <= set(kept)

    assert shrunk(20, fails, tries=200) == sorted(needed)


def test_shrinking_stops_in_time_with_faults_that_still_fail() -> None:
    tries = 0

    def fails(kept: Sequence[int]) -> bool:
        nonlocal tries
        tries += 1
        return {2, 9, 16} <= set(kept)

    assert {2, 9, 16} <= set(shrunk(20, fails, tries=7))
    assert tries <= 7

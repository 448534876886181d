"""Clusters that no plan takes further go on by a second IBGU, on real work agents."""

from tests.e2e.test_no_way_on import (
    test_a_finalize_runs_again_after_a_clean_up_by_hand,
    test_an_abort_runs_again_after_a_clean_up_by_hand,
    test_what_fails_behind_the_pivot_is_rolled_back,
)

__all__ = [
    "test_a_finalize_runs_again_after_a_clean_up_by_hand",
    "test_an_abort_runs_again_after_a_clean_up_by_hand",
    "test_what_fails_behind_the_pivot_is_rolled_back",
]

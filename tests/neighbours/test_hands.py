"""People change works, and the cluster under them, beside real work agents."""

from tests.e2e.test_hands import (
    test_a_run_that_somebody_takes_over_ends_without_a_label,
    test_a_work_that_lost_its_label_is_found_again,
)

__all__ = [
    "test_a_run_that_somebody_takes_over_ends_without_a_label",
    "test_a_work_that_lost_its_label_is_found_again",
]

"""Warnings and the deadline of the way back, as real work agents read them."""

from tests.e2e.test_reported import (
    test_a_cluster_that_has_warned_waits_for_a_person,
    test_a_rollback_after_the_deadline_is_refused_with_that_reason,
    test_a_warning_and_the_deadline_come_to_the_operator_and_go,
)

__all__ = [
    "test_a_cluster_that_has_warned_waits_for_a_person",
    "test_a_rollback_after_the_deadline_is_refused_with_that_reason",
    "test_a_warning_and_the_deadline_come_to_the_operator_and_go",
]

"""The documentation's procedures on real work agents: every action, failures before the pivot."""

from tests.e2e.test_documented import (
    test_an_upgrade_in_one_step,
    test_an_upgrade_in_several_steps,
    test_an_upgraded_cluster_is_rolled_back_by_a_second_ibgu,
    test_prepared_clusters_are_cancelled_by_a_second_ibgu,
    test_running_and_waiting_clusters_are_cancelled_by_a_second_ibgu,
)

__all__ = [
    "test_an_upgrade_in_one_step",
    "test_an_upgrade_in_several_steps",
    "test_an_upgraded_cluster_is_rolled_back_by_a_second_ibgu",
    "test_prepared_clusters_are_cancelled_by_a_second_ibgu",
    "test_running_and_waiting_clusters_are_cancelled_by_a_second_ibgu",
]

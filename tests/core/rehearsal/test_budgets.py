"""Failures are counted as budgets say, beyond what plans of the tests against the engine reach."""

from ibgu.core.model.rollout_policy import FailureBudget
from ibgu.core.rehearsal.budgets import BudgetRule, FailureBudgets, Spent

MINUTE = 60.0


def test_a_cluster_that_fails_twice_within_the_time_counts_once() -> None:
    budget = FailureBudget(maximum=1, within_minutes=10)
    found = FailureBudgets([BudgetRule(0, budget, [True] * 3, [(True,)])])
    found.begin(0, range(3))
    for minute, cluster in ((0, 0), (5, 0), (10, 0)):
        found.failed(minute * MINUTE, cluster, 0)
        assert found.spent(minute * MINUTE) is None
    found.failed(11 * MINUTE, 1, 0)
    assert found.spent(11 * MINUTE) == Spent(0, 2)

"""Says what policies ask for clusters whose Prep has failed (R50.20)."""

from collections.abc import Callable, Iterable
from datetime import timedelta

from msgspec import Struct, field

from ibgu.core.model import ClusterView
from ibgu.core.model.rollout_policy import PolicyRetry

MAX_STEPS = 1000
"""The most steps that a policy remembers: most of them are over."""


class RetryPolicy(Struct, frozen=True, eq=False):
    """RetryPolicy is one policy that has failed clusters tried again."""

    policy: str
    retry: PolicyRetry
    selects: Callable[[ClusterView], bool]
    """Whether the policy is about a cluster."""
    settled: set[tuple[str, int]] = field(default_factory=set)
    """The steps that have left nothing to plan."""

    def settle(self, step: tuple[str, int]) -> None:
        if len(self.settled) >= MAX_STEPS:
            self.settled.clear()
        self.settled.add(step)


class AskedRetry(Struct, frozen=True):
    """AskedRetry is what the policies of one cluster ask for together: each value is that of the
    strictest."""

    policy: str
    """The one with the fewest attempts."""
    attempts: int
    backoff: timedelta

    def wait(self, attempt: int) -> timedelta:
        """Returns how long that attempt, from 1, waits after the abort."""
        return self.backoff * (1 << (attempt - 1))


def retry_of(policies: Iterable[RetryPolicy], cluster: ClusterView) -> AskedRetry | None:
    """Returns what the policies ask for this cluster; None: none of them asks for anything."""
    found = [each for each in policies if each.selects(cluster)]
    if not found:
        return None
    least = min(found, key=lambda each: (each.retry.attempts, each.policy))
    backoff = max(each.retry.backoff_minutes for each in found)
    return AskedRetry(least.policy, least.retry.attempts, timedelta(minutes=backoff))

"""What policies say about clusters whose Prep has failed (R50.20)."""

from collections.abc import Callable, Iterable

from msgspec import Struct

from ibgu.core.model import ClusterView
from ibgu.core.model.rollout_policy import PolicyRetry


class RetryPolicy(Struct, frozen=True):
    """RetryPolicy is one policy that has failed clusters tried again."""

    policy: str
    retry: PolicyRetry
    selects: Callable[[ClusterView], bool]
    """Whether the policy is about a cluster."""


class AskedRetry(Struct, frozen=True):
    """AskedRetry is what the policies of one cluster ask for together: each value is that of the
    strictest."""

    policy: str
    """The one with the fewest attempts."""
    attempts: int
    backoff_minutes: int


def retry_of(policies: Iterable[RetryPolicy], cluster: ClusterView) -> AskedRetry | None:
    """Returns what the policies ask for this cluster; None: none of them asks for anything."""
    found = [each for each in policies if each.selects(cluster)]
    if not found:
        return None
    least = min(found, key=lambda each: (each.retry.attempts, each.policy))
    backoff = max(each.retry.backoff_minutes for each in found)
    return AskedRetry(least.policy, least.retry.attempts, backoff)

"""Converts times on the simulated clusters: seconds since the epoch in, RFC 3339 out."""

from datetime import UTC, datetime
from functools import lru_cache

NEVER = float("inf")


def timestamp(now: float) -> str:
    """Returns whole seconds, as Kubernetes writes metav1.Time."""
    return _format(int(now))


@lru_cache(maxsize=4096)
def _format(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

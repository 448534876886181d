"""The health of a policy's canaries while they soak: what each check says of one of them
(R50.15)."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from msgspec import Struct

from ibgu.core.model import ClusterView
from ibgu.core.model.rollout_policy import CanaryHealth, WantedCondition
from ibgu.core.text.harmless import one_line

_AHEAD = timedelta(minutes=5)
"""How far the clock of the hub may be ahead."""
_MAX_CHARACTERS = 100
"""Characters that are shown of a value that a cluster reports."""


class HealthFinding(Struct, frozen=True):
    """HealthFinding is what one check says of one canary."""

    problem: str = ""
    """Why the canary is not well; empty: it is."""
    since: datetime | None = None
    """Since when it is well; None: this is not known."""


def health_findings(health: CanaryHealth, cluster: ClusterView) -> Iterator[HealthFinding]:
    """Yields what each check says of the cluster."""
    for wanted in health.conditions:
        yield _condition(wanted, cluster)


def well_since(told: datetime | None, ended_at: datetime, now: datetime) -> datetime:
    """Returns since when a canary is well that has ended at that time. A time far ahead says
    nothing."""
    return max(ended_at, told) if told is not None and told <= now + _AHEAD else ended_at


def _condition(wanted: WantedCondition, cluster: ClusterView) -> HealthFinding:
    found = next((each for each in cluster.conditions if each.type == wanted.type), None)
    if found is None:
        return HealthFinding(f"the ManagedCluster has no condition {wanted.type}")
    if found.status != wanted.status:
        shown = one_line(found.status)[:_MAX_CHARACTERS]
        words = f'condition {wanted.type} of the ManagedCluster is "{shown}", not "{wanted.status}"'
        return HealthFinding(words)
    return HealthFinding(since=found.since)

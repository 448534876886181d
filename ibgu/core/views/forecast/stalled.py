"""Finds an action that takes longer than usual."""

from datetime import datetime, timedelta

from msgspec import Struct

from ibgu.core.engine.timing.durations import DurationsByAction
from ibgu.core.model import ActionName


class Stalled(Struct, frozen=True):
    since: datetime
    """When p95 with its margin had passed."""
    usual: float
    """Seconds within which 95 of 100 clusters of this hub have done it."""


def stalled(
    action: ActionName | None,
    began: datetime | None,
    now: datetime,
    duration_stats: DurationsByAction,
) -> Stalled | None:
    """Returns since when an action in flight is stalled; `began`: when it was sent to the cluster,
    None: not yet."""
    if action is None or began is None or action not in duration_stats:
        return None
    stats = duration_stats[action]
    since = began + timedelta(seconds=stats.limits.ended)
    return Stalled(since, stats.p95) if now > since else None

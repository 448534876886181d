"""How long an action takes on this hub's clusters, from those that succeeded."""

from collections.abc import Mapping

from msgspec import Struct

from ibgu.core.model import Action

MEASURED = 10
"""From so many on a figure is worth something: of fewer, p95 is but the slowest one."""


class DurationStats(Struct, frozen=True):
    """In seconds, of an action that was measured at least MEASURED times."""

    count: int
    p50: float
    p95: float
    spread: tuple[float, ...]
    """Equally likely durations, ascending: each stands for as large a part of the clusters."""
    prepared: float | None = None
    """p95 of the time from the start until the action was sent to the cluster; None: measured too
    seldom."""
    taken: float | None = None
    """p95 of the time from then until the cluster had taken the action; None as above."""


DurationsByAction = Mapping[Action, DurationStats]
"""Actions that were measured too seldom are not in it."""

"""Durations of actions on this hub's clusters, from those that succeeded."""

from collections.abc import Mapping

from msgspec import Struct

from ibgu.core.model import Action

MEASURED = 10
"""The fewest measurements for a useful figure: of fewer, p95 is just the slowest one."""


class DurationStats(Struct, frozen=True):
    """Durations in seconds of an action that was measured at least MEASURED times."""

    count: int
    p50: float
    p95: float
    spread: tuple[float, ...]
    """Equally likely durations, ascending: each stands for an equal part of the clusters."""
    prepared: float | None = None
    """p95 of the time from the start until the action was sent to the cluster; None: measured too
    seldom."""
    taken: float | None = None
    """p95 of the time from then until the cluster had taken the action; None: measured too
    seldom."""


DurationsByAction = Mapping[Action, DurationStats]
"""Measured actions only: those measured too seldom are missing."""

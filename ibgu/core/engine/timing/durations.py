"""Durations of actions on this hub's clusters, from those that succeeded."""

from collections.abc import Mapping
from typing import TypeVar

from msgspec import Struct
from msgspec.structs import replace

from ibgu.core.model import ActionName

T = TypeVar("T", float, float | None)

MEASURED = 10
"""The fewest measurements for a useful figure: of fewer, p95 is just the slowest one."""


MIN_SECONDS = 30.0
"""The fewest seconds after which a cluster is late, however fast this hub's clusters are."""
MARGIN = 1.25
"""A cluster is late after p95 times this: one in twenty is slower than p95 and nothing is wrong."""
TOLERANCE = 0.2
"""A limit stays the same while the measured one differs by no more than this part of it."""


class Limits(Struct, frozen=True):
    """Limits are the seconds after which a cluster in flight is late; None: measured too rarely."""

    prepared: float | None
    taken: float | None
    ended: float


class DurationStats(Struct, frozen=True):
    """Durations in seconds of an action that was measured at least MEASURED times."""

    count: int
    p50: float
    p95: float
    spread: tuple[float, ...]
    """Equally likely durations, ascending: each stands for an equal part of the clusters."""
    prepared: float | None = None
    """p95 of the time from the start until the action was sent to the cluster; None: measured too
    rarely."""
    taken: float | None = None
    """p95 of the time from then until the cluster had taken the action; None: measured too
    rarely."""
    steady: Limits | None = None
    """Limits of an earlier measurement that still apply; None: those of this one."""

    @property
    def limits(self) -> Limits:
        if self.steady is not None:
            return self.steady
        return Limits(
            None if self.prepared is None else _late_after(self.prepared),
            None if self.taken is None else _late_after(self.taken),
            _late_after(self.p95),
        )


DurationsByAction = Mapping[ActionName, DurationStats]
"""Measured actions only: those measured too rarely are missing."""


def steadied(before: DurationsByAction, now: DurationsByAction) -> dict[ActionName, DurationStats]:
    """Returns the new measurements with the limits of the ones before where these differ little.

    Each cluster that ends moves p95. If the limits followed at once, a cluster near them would be
    late, then in time, then late again.
    """
    return {
        action: replace(stats, steady=_kept(before[action].limits, stats.limits))
        if action in before
        else stats
        for action, stats in now.items()
    }


def _late_after(p95: float) -> float:
    return max(MIN_SECONDS, p95 * MARGIN)


def _kept(old: Limits, new: Limits) -> Limits:
    return Limits(
        _near(old.prepared, new.prepared), _near(old.taken, new.taken), _near(old.ended, new.ended)
    )


def _near(old: T, new: T) -> T:
    """Returns the old limit where the new one is within its band."""
    if old is None or new is None:
        return new
    return old if abs(new - old) <= old * TOLERANCE else new

"""The times of a lease, which grow while the hub responds slowly."""

from collections.abc import Callable

import structlog
from msgspec import Struct

log = structlog.get_logger("ibgu.election")

MEMORY = 600.0
"""Seconds for which the slowest response of the hub counts."""
HEADROOM = 4.0
"""A leader continues without a renewal for this many times the slowest response."""


class LeaseTimes(Struct, frozen=True):
    """LeaseTimes are in seconds. `renew_deadline` must be below `duration`, `retry` well below
    both."""

    duration: float = 4.0
    """The time that others wait after the last renewal that they saw."""
    renew_deadline: float = 3.0
    """The time that the leader continues without a successful renewal."""
    retry: float = 0.4
    """The time from a failed attempt to the next one."""
    renew: float = 0.0
    """The time from a successful renewal to the next one; 0: a quarter of the deadline, which
    leaves time for one that hangs until it is given up (half of the deadline), and another."""

    def __post_init__(self) -> None:
        if not 0 < self.retry < self.renew_deadline < self.duration:
            raise ValueError(
                "lease times must grow: retry < renew deadline < duration, got "
                f"{self.retry:g} s, {self.renew_deadline:g} s, {self.duration:g} s"
            )
        if not 0 <= self.renew < self.renew_deadline:
            raise ValueError(
                f"a renewal every {self.renew:g} s is too late for a deadline of "
                f"{self.renew_deadline:g} s"
            )

    def longer(self, slowest: float, longest: float) -> "LeaseTimes":
        """Returns the times for a hub whose slowest response took so many seconds: in the same
        ratio, with a duration of at most `longest` seconds. Retries stay as frequent."""
        most = max(1.0, longest / self.duration)
        factor = min(max(1.0, HEADROOM * slowest / self.renew_deadline), most)
        return LeaseTimes(
            self.duration * factor, self.renew_deadline * factor, self.retry, self.renew
        )


class AdaptiveTimes:
    """AdaptiveTimes are the configured times, and longer ones while the hub responds slowly.

    A short lease is replaced soon, and lost soon: a leader that gives up for a hub that is only
    slow loads the journal again and again. `current` is valid until the next call of `observe`.
    """

    def __init__(self, configured: LeaseTimes, longest: float, clock: Callable[[], float]) -> None:
        """`longest`: the most seconds of a lease; not above the configured duration: the times
        never grow. `clock`: returns seconds that only grow."""
        self._configured = configured
        self._longest = longest
        self._clock = clock
        self._slowest = 0.0
        self._forget = 0.0
        self.current = configured

    def observe(self, seconds: float) -> None:
        """Records how long a request about the lease has taken, whatever came of it."""
        now = self._clock()
        if seconds < self._slowest and now < self._forget:
            return
        self._slowest, self._forget = seconds, now + MEMORY
        before, self.current = self.current, self._configured.longer(seconds, self._longest)
        if round(before.duration) != round(self.current.duration):
            log.info(
                "the Lease follows the hub's response time",
                slowest_response_seconds=round(seconds, 2),
                lease_seconds=round(self.current.duration, 1),
            )

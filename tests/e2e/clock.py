"""A controller's clock that runs faster, so that its minutes pass in a test's seconds."""

import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

from ibgu.controller.clock import Clock

MAX_WAIT = 0.25
"""Real seconds after which a controller that waits looks at a clock that may run faster now."""


class ScaledTime:
    """The maker of clocks of one time for all controllers of a test; `speed` may change at any
    time.

    What has to happen before a limit should happen at speed 1: a slow machine needs its time.
    """

    def __init__(self, speed: float) -> None:
        self._speed = speed
        self._shown = datetime.now(UTC)
        self._at = time.monotonic()

    def __call__(self, read: Callable[[], Awaitable[datetime]]) -> Clock:
        return FastClock(read, self)

    def now(self) -> datetime:
        """Never goes back, not even over a restart of the controller."""
        return self._shown + timedelta(seconds=(time.monotonic() - self._at) * self._speed)

    def skip_to(self, moment: datetime) -> None:
        """Leaves out the time until then, in which nothing may be due."""
        self._shown, self._at = max(moment, self.now()), time.monotonic()

    @property
    def speed(self) -> float:
        return self._speed

    @speed.setter
    def speed(self, speed: float) -> None:
        self._shown, self._at, self._speed = self.now(), time.monotonic(), speed


class FastClock(Clock):
    """The database is still asked, and so can still be away."""

    def __init__(self, read: Callable[[], Awaitable[datetime]], source: ScaledTime) -> None:
        super().__init__(read)
        self._source = source

    def now(self) -> datetime:
        return self._source.now()

    def seconds_until(self, when: datetime) -> float:
        left = (when - self.now()) / timedelta(seconds=1) / self._source.speed
        return min(left, MAX_WAIT)

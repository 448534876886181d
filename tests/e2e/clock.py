"""A controller's clock that runs faster, so that its minutes pass in a test's seconds."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

from ibgu.controller.clock import Clock
from ibgu.controller.term import NewClock


class FastClock(Clock):
    """Counts from the moment at which `fast` was called, so that it never goes back over a
    restart of the controller. The database is still asked, and so can still be away."""

    def __init__(
        self, read: Callable[[], Awaitable[datetime]], began: datetime, speed: float
    ) -> None:
        super().__init__(read)
        self._began = began
        self._speed = speed

    def now(self) -> datetime:
        return self._began + (datetime.now(UTC) - self._began) * self._speed

    def seconds_until(self, when: datetime) -> float:
        return (when - self.now()) / timedelta(seconds=1) / self._speed


def fast(speed: float) -> NewClock:
    began = datetime.now(UTC)
    return lambda read: FastClock(read, began, speed)

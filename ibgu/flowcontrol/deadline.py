"""Limits until when something may be done, by a monotonic clock."""

from collections.abc import Callable


class Deadline:
    """Deadline is a moment of a monotonic clock, extended by the owner of the right that it
    limits."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._at = float("-inf")

    def move(self, at: float) -> None:
        self._at = at

    def end(self) -> None:
        self._at = float("-inf")

    def remaining(self) -> float:
        """Returns the remaining seconds; 0 when expired."""
        return max(0.0, self._at - self._clock())

    @property
    def expired(self) -> bool:
        return self._clock() >= self._at

"""Limits the refreshes of the whole fleet."""


class Budget:
    """A budget of `rate` refreshes a second; at once at most a second's worth, and at least one."""

    def __init__(self, rate: float) -> None:
        self._rate = rate
        self._depth = max(1.0, rate)
        self._left = self._depth
        self._at = 0.0

    def take(self, now: float, wanted: int) -> int:
        """Returns how many of the wanted refreshes may go now."""
        grown = self._left + max(0.0, now - self._at) * self._rate
        self._left, self._at = min(self._depth, grown), now
        granted = min(wanted, int(self._left))
        self._left -= granted
        return granted

"""Provides one clock for the fleet: wall time that never goes back."""

import asyncio
import time


class SteadyClock:
    """SteadyClock returns seconds since the epoch as `now`, driven by the loop's monotonic clock
    from the start on."""

    def __init__(self, offset: float | None = None) -> None:
        """`offset`: of the epoch's time to the loop's; None: as the machine's clock has it."""
        self._loop = asyncio.get_running_loop()
        self._offset = time.time() - self._loop.time() if offset is None else offset

    def now(self) -> float:
        return self._loop.time() + self._offset

    def monotonic(self, at: float) -> float:
        """Returns the loop's time of a moment that is given in seconds since the epoch."""
        return at - self._offset

"""Limits the requests per second."""

import asyncio


class TokenBucket:
    """TokenBucket admits `rate` requests per second, after a pause up to `burst` at once, in order
    of arrival."""

    def __init__(self, rate: float, burst: int) -> None:
        self._interval = 1.0 / rate
        self._depth = (burst - 1) * self._interval
        self._loop = asyncio.get_running_loop()
        self._free = self._loop.time() - self._depth
        self._held_until = self._loop.time()

    async def take(self) -> None:
        """Waits for the next free slot. A slot booked by a caller that was cancelled stays
        unused."""
        place = max(self._free, self._loop.time() - self._depth)
        self._free = place + self._interval
        while True:
            wait = max(place, self._held_until) - self._loop.time()
            if wait <= 0:
                return
            await asyncio.sleep(wait)

    def delay(self, seconds: float) -> None:
        """Admits nothing for `seconds`, as the server has asked."""
        self._held_until = max(self._held_until, self._loop.time() + seconds)
        self._free = max(self._free, self._held_until)

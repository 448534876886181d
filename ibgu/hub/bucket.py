"""How many requests a second."""

import asyncio


class TokenBucket:
    """`rate` requests a second, after a pause up to `burst` at once; first come, first served."""

    def __init__(self, rate: float, burst: int) -> None:
        self._interval = 1.0 / rate
        self._depth = (burst - 1) * self._interval
        self._loop = asyncio.get_running_loop()
        self._free = self._loop.time() - self._depth
        self._held_until = self._loop.time()

    async def take(self) -> None:
        """Waits for the next free place. A place that a cancelled taker had booked stays empty."""
        place = max(self._free, self._loop.time() - self._depth)
        self._free = place + self._interval
        while True:
            wait = max(place, self._held_until) - self._loop.time()
            if wait <= 0:
                return
            await asyncio.sleep(wait)

    def hold(self, seconds: float) -> None:
        """Nobody goes before that: the server asked for it."""
        self._held_until = max(self._held_until, self._loop.time() + seconds)
        self._free = max(self._free, self._held_until)

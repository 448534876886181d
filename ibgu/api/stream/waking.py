"""Wakes followers of the stream a few at a time, so that requests are answered meanwhile."""

import asyncio
from math import ceil

from ibgu.api.http.concurrency import RequestsInProgress

GROUPS = 128
"""The most groups in which followers are woken. Whatever else is ready has its turn between two of
them."""
SMALLEST_GROUP = 4
GIVE_WAY_SECONDS = 0.003
"""The pause between two groups while requests are in progress, so that they get the CPU: a follower
hears of a change a moment later, and a person waits for the answer to a request."""


class WaitingFollowers:
    """WaitingFollowers holds the followers that have sent all there was."""

    def __init__(self, in_progress: RequestsInProgress) -> None:
        self._in_progress = in_progress
        self._waiting: dict[asyncio.Future[None], None] = {}

    async def wait(self, seconds: float) -> None:
        """Waits until there may be something new, or for so many seconds."""
        loop = asyncio.get_running_loop()
        waiter: asyncio.Future[None] = loop.create_future()
        self._waiting[waiter] = None
        timer = loop.call_later(seconds, _wake, waiter)
        try:
            await waiter
        finally:
            timer.cancel()
            self._waiting.pop(waiter, None)

    async def wake(self) -> float:
        """Wakes those that wait now. Returns the seconds that it paused for requests."""
        waiting, self._waiting = [*self._waiting], {}
        size = max(SMALLEST_GROUP, ceil(len(waiting) / GROUPS))
        paused = 0.0
        try:
            for begin in range(0, len(waiting), size):
                for each in waiting[begin : begin + size]:
                    _wake(each)
                is_last = begin + size >= len(waiting)
                pause = GIVE_WAY_SECONDS if self._in_progress.count and not is_last else 0.0
                await asyncio.sleep(pause)
                paused += pause
        finally:
            # However the round ends, nobody is left behind in it.
            for each in waiting:
                _wake(each)
        return paused


def _wake(waiter: asyncio.Future[None]) -> None:
    if not waiter.done():
        waiter.set_result(None)

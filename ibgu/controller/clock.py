"""The time that limits are measured by: the database's, moved on by a monotonic clock (R11)."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

SYNC_EVERY = 60.0
"""Seconds between two looks at the database's clock."""


class Clock:
    """A jump of the machine's own clock changes nothing here."""

    def __init__(self, read: Callable[[], Awaitable[datetime]]) -> None:
        self._read = read
        self._monotonic = asyncio.get_running_loop().time
        self._base: datetime | None = None
        self._at = 0.0

    async def sync(self) -> timedelta:
        """Answers how far the database's clock has jumped since the last time."""
        before = self._monotonic()
        told = await self._read()
        at = (before + self._monotonic()) / 2
        known = self._base and self._base + timedelta(seconds=at - self._at)
        self._at, self._base = at, told
        return told - known if known else timedelta()

    @property
    def stale(self) -> bool:
        return self._base is None or self._monotonic() - self._at > SYNC_EVERY

    def now(self) -> datetime:
        if self._base is None:
            raise RuntimeError("the clock was never set: await sync() first")
        return self._base + timedelta(seconds=self._monotonic() - self._at)

    def seconds_until(self, when: datetime) -> float:
        """How long to wait for it; negative once it has passed."""
        return (when - self.now()).total_seconds()

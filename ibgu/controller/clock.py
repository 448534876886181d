"""Keeps the time that limits are measured by: the database's, advanced by a monotonic clock
(R11.8)."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

import structlog

log = structlog.get_logger("ibgu.controller")

SYNC_EVERY = 60.0
"""Seconds between two reads of the database's clock."""
JUMP = timedelta(seconds=5)
"""A deviation that no clock accumulates between two reads. A read that took longer is ignored."""


class Clock:
    """Clock is immune to jumps of the machine's clock and of the database's.

    Limits and everything stored rest on the time as it went on before (R11.8). Clock follows the
    database as it drifts; after a jump it keeps the offset. A controller that begins to lead starts
    with the database's time.
    """

    def __init__(self, read: Callable[[], Awaitable[datetime]]) -> None:
        self._read = read
        self._monotonic = asyncio.get_running_loop().time
        self._base: datetime | None = None
        self._at = 0.0
        self._apart = timedelta()

    async def sync(self) -> None:
        """Reads the database's clock. An error of the read propagates and changes nothing."""
        before = self._monotonic()
        database_time = await self._read()
        after = self._monotonic()
        at = (before + after) / 2
        known = self._base and self._base + timedelta(seconds=at - self._at)
        exact = timedelta(seconds=after - before) < JUMP
        base = database_time if known is None else self._followed(database_time, known, exact)
        self._at, self._base = at, base

    def _followed(self, database_time: datetime, known: datetime, exact: bool) -> datetime:
        drift = database_time - self._apart - known
        if not exact:
            return known
        if abs(drift) < JUMP:
            return known + drift
        self._apart += drift
        seconds = round(drift.total_seconds(), 1)
        do = "limits go on as before; set it right before another controller leads"
        log.warning("the database's clock has jumped", seconds=seconds, do=do)
        return known

    @property
    def stale(self) -> bool:
        return self._base is None or self._monotonic() - self._at > SYNC_EVERY

    def now(self) -> datetime:
        if self._base is None:
            raise RuntimeError("the clock was never set: await sync() first")
        return self._base + timedelta(seconds=self._monotonic() - self._at)

    def seconds_until(self, when: datetime) -> float:
        """Returns the seconds until `when`; negative once it has passed."""
        return (when - self.now()).total_seconds()

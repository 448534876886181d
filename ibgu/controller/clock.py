"""The time that limits are measured by: the database's, moved on by a monotonic clock (R11.8)."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

import structlog

log = structlog.get_logger("ibgu.controller")

SYNC_EVERY = 60.0
"""Seconds between two looks at the database's clock."""
JUMP = timedelta(seconds=5)
"""What no clock loses or gains between two looks. An answer that took longer tells nothing."""


class Clock:
    """A jump of a clock changes nothing here, neither of the machine's own nor of the database's.

    Limits and all else that is stored rest on the time that went on before (R11.8): the database's
    is followed as it drifts, and where it jumps the distance is kept from then on. Who begins
    to lead begins with what the database says.
    """

    def __init__(self, read: Callable[[], Awaitable[datetime]]) -> None:
        self._read = read
        self._monotonic = asyncio.get_running_loop().time
        self._base: datetime | None = None
        self._at = 0.0
        self._apart = timedelta()

    async def sync(self) -> None:
        """Ask the database; what it raises leaves everything as it was."""
        before = self._monotonic()
        told = await self._read()
        after = self._monotonic()
        at = (before + after) / 2
        known = self._base and self._base + timedelta(seconds=at - self._at)
        exact = timedelta(seconds=after - before) < JUMP
        self._at, self._base = at, told if known is None else self._followed(told, known, exact)

    def _followed(self, told: datetime, known: datetime, exact: bool) -> datetime:
        drift = told - self._apart - known
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
        """How long to wait for it; negative once it has passed."""
        return (when - self.now()).total_seconds()

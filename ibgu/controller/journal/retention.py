"""Deletes old events once a day, oldest first, in batches."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

import structlog
from sqlalchemy.exc import DBAPIError

from ibgu.controller.clock import Clock
from ibgu.db.errors import JournalAway, told

log = structlog.get_logger("ibgu.journal")

EVERY = 24 * 3600.0
"""Seconds between two rounds."""
RETRY = 600.0
"""Seconds until a failed round is retried."""
PAUSE = 0.2
"""Seconds between two batches: commits of turns have priority."""

SURE = timedelta(days=1)
"""The most that the database's clock may differ from this machine's for events to be deleted."""

Forget = Callable[[datetime], Awaitable[int]]
"""Deletes a batch of events older than the given time; returns how many."""


def _wall() -> datetime:
    return datetime.now(UTC)


class Retention:
    def __init__(
        self, forget: Forget, clock: Clock, days: int, wall: Callable[[], datetime] = _wall
    ) -> None:
        """`wall`: this machine's clock."""
        self._forget = forget
        self._clock = clock
        self._wall = wall
        self._keep = timedelta(days=days)

    async def run(self) -> None:
        """Runs rounds until cancelled. A journal that is away or refuses the deletion is logged and
        tolerated."""
        while True:
            try:
                await self.round()
                wait = EVERY
            except (JournalAway, DBAPIError) as error:
                log.warning("old events are kept for now", error=told(error))
                wait = RETRY
            await asyncio.sleep(wait)

    async def round(self) -> None:
        now = self._clock.now()
        if abs(now - self._wall()) > SURE:
            log.warning("old events are kept: the clocks differ", database=now.isoformat())
            return
        before = now - self._keep
        gone = 0
        while went := await self._forget(before):
            gone += went
            await asyncio.sleep(PAUSE)
        if gone:
            log.info("old events are gone", events=gone, before=before.isoformat())

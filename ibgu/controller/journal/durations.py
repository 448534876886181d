"""Keeps how long actions usually take on this hub, read again on demand."""

import asyncio

import structlog
from sqlalchemy.exc import DBAPIError

from ibgu.core.engine.timing.durations import DurationsByAction, steadied
from ibgu.db.errors import JournalUnavailable, error_text
from ibgu.db.reads import Reads

log = structlog.get_logger("ibgu.journal")

FRESH = 60.0
"""Seconds for which a result is fresh enough."""


class ActionDurations:
    """ActionDurations reads `duration_stats` on demand; it is empty until the first request."""

    def __init__(self, reads: Reads) -> None:
        self._reads = reads
        self._asked = asyncio.Event()
        self.duration_stats: DurationsByAction = {}

    def ask(self) -> None:
        self._asked.set()

    async def run(self) -> None:
        """Answers requests until cancelled. A journal that can't be read is logged and
        tolerated."""
        while True:
            await self._asked.wait()
            self._asked.clear()
            try:
                found = await self._reads.duration_stats()
                self.duration_stats = steadied(self.duration_stats, found)
            except (JournalUnavailable, DBAPIError) as error:
                log.warning("can't tell how long actions usually take", error=error_text(error))
            await asyncio.sleep(FRESH)

"""How long actions usually take on this hub, read again when somebody asks for it."""

import asyncio

import structlog
from sqlalchemy.exc import DBAPIError

from ibgu.core.forecast import DurationsByAction
from ibgu.db.errors import JournalAway, told
from ibgu.db.reads import Reads

log = structlog.get_logger("ibgu.journal")

FRESH = 60.0
"""Seconds for which what was read is good enough."""


class ActionDurations:
    """`duration_stats` is empty until it was asked for; where nobody asks, nothing is read."""

    def __init__(self, reads: Reads) -> None:
        self._reads = reads
        self._asked = asyncio.Event()
        self.duration_stats: DurationsByAction = {}

    def ask(self) -> None:
        self._asked.set()

    async def run(self) -> None:
        """Until cancelled. A journal that can't be read ends nothing."""
        while True:
            await self._asked.wait()
            self._asked.clear()
            try:
                self.duration_stats = await self._reads.duration_stats()
            except (JournalAway, DBAPIError) as error:
                log.warning("can't tell how long actions usually take", error=told(error))
            await asyncio.sleep(FRESH)

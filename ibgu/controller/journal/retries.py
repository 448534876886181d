"""Retries what needs the journal while Postgres is away, for as long as it takes."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import structlog

from ibgu.db.errors import JournalUnavailable

log = structlog.get_logger("ibgu.journal")
T = TypeVar("T")

RETRY = 1.0
"""Seconds between two attempts while Postgres is away."""


def _nothing() -> None:
    """Is done between two attempts by default."""


class JournalRetries:
    """JournalRetries belongs to a lead. `away` says why the journal can't be reached now; `outages`
    counts how often it was away."""

    def __init__(self) -> None:
        self.away = ""
        self.outages = 0

    async def run(
        self, act: Callable[[], Awaitable[T]], meanwhile: Callable[[], None] = _nothing
    ) -> T:
        """Runs `act` and retries it every `RETRY` seconds while the journal is away; `meanwhile` is
        called before each pause."""
        while True:
            try:
                answer = await act()
            except JournalUnavailable as error:
                self._gone(str(error))
                meanwhile()
                await asyncio.sleep(RETRY)
            else:
                self._back()
                return answer

    def _gone(self, why: str) -> None:
        if not self.away:
            log.error("journal unavailable", error=why)
            self.outages += 1
        self.away = why

    def _back(self) -> None:
        if self.away:
            self.away = ""
            log.info("journal available again")

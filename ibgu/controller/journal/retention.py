"""Deletes old records once a day, in batches: events, and rollouts that are long over."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Mapping
from datetime import UTC, datetime, timedelta

import structlog
from msgspec.structs import asdict
from sqlalchemy.exc import DBAPIError

from ibgu import telemetry
from ibgu.controller.clock import Clock
from ibgu.db.errors import JournalUnavailable, error_text
from ibgu.db.journal import Journal

log = structlog.get_logger("ibgu.journal")

INTERVAL = 24 * 3600.0
"""Seconds between two rounds."""
RETRY = 600.0
"""Seconds until a failed round is retried."""
PAUSE = 0.2
"""Seconds between two batches: commits of turns have priority."""

GRACE = timedelta(days=1)
"""The most that the database's clock may differ from this machine's for records to be deleted."""

Forget = Callable[[datetime], Awaitable[Mapping[str, int]]]
"""Deletes a batch of records older than the given time; returns how many of each kind."""


def old_events(journal: Journal) -> Forget:
    async def forget(before: datetime) -> Mapping[str, int]:
        return {"events": await journal.forget(before)}

    return forget


def old_rollouts(journal: Journal, kept: Callable[[], Collection[str]]) -> Forget:
    """`kept`: uids of the rollouts that the leader still has to do with."""

    async def forget(before: datetime) -> Mapping[str, int]:
        return asdict(await journal.forget_rollouts(before, kept()))

    return forget


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
        tolerated. Raises LeadershipLost."""
        while True:
            try:
                await self.round()
                wait = INTERVAL
            except (JournalUnavailable, DBAPIError) as error:
                log.warning("can't delete old records yet", error=error_text(error))
                wait = RETRY
            await asyncio.sleep(wait)

    async def round(self) -> None:
        now = self._clock.now()
        if abs(now - self._wall()) > GRACE:
            log.warning("old records are kept: the clocks differ", database=now.isoformat())
            return
        before = now - self._keep
        gone: Counter[str] = Counter()
        while any((went := await self._forget(before)).values()):
            gone.update(went)
            for what, count in went.items():
                telemetry.FORGOTTEN.labels(what).inc(count)
            await asyncio.sleep(PAUSE)
        if gone:
            log.info("old records are gone", **gone, before=before.isoformat())

"""Looks again at records in the journal that could not be read."""

import asyncio
from collections.abc import Callable, Collection

import structlog
from sqlalchemy.exc import DBAPIError

from ibgu.controller.quarantine import Quarantine
from ibgu.db.errors import JournalUnavailable, UnreadableJournal, error_text
from ibgu.db.journal import Journal

log = structlog.get_logger("ibgu.controller")

INTERVAL = 60.0
"""Seconds between two reads."""


async def reread_unreadable(
    journal: Journal,
    unreadable: Collection[str],
    quarantine: Quarantine,
    touch: Callable[[], None],
) -> None:
    """Ends the term once records of `unreadable` rollouts can be read, or are gone. `touch`: makes
    the loop take its next turn, which sees that."""
    while unreadable:
        await asyncio.sleep(INTERVAL)
        try:
            found = await journal.unreadable(unreadable)
        except (JournalUnavailable, UnreadableJournal, DBAPIError) as error:
            log.warning("can't re-read records that could not be read", error=error_text(error))
            continue
        if found < set(unreadable):
            quarantine.readable_again()
            touch()

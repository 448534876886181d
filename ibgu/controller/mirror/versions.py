"""Records the hub's resourceVersions, by which the next start sees whether the hub was restored."""

import asyncio
from collections.abc import Callable
from contextlib import suppress

from ibgu.controller.mirror.mirror import Mirror
from ibgu.db.errors import JournalUnavailable
from ibgu.db.journal import Journal

INTERVAL = 15.0
"""Seconds between two records; backups are older."""


async def record_versions(journal: Journal, mirror: Mirror, in_sync: Callable[[], bool]) -> None:
    """Records the newest versions until cancelled, if they have changed and can be trusted."""
    recorded = None
    while True:
        seen = mirror.versions()
        if seen != recorded and in_sync() and not mirror.hub_restored:
            with suppress(JournalUnavailable):
                await journal.note(seen)
                recorded = seen
        await asyncio.sleep(INTERVAL)

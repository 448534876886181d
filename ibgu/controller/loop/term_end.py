"""Ends a term from within: the hub was restored, ibgu failed on a rollout, or one is due again."""

import asyncio
from datetime import datetime

from msgspec import Struct

from ibgu.controller.loop.commit import JournalWriter
from ibgu.controller.loop.deferred_errors import DeferredErrors
from ibgu.controller.mirror.mirror import Mirror
from ibgu.controller.quarantine import Quarantine, RetryDue
from ibgu.hub.writing.writer import Writer

DRAIN, POLL_SECONDS = 5.0, 0.05
"""DRAIN: the most seconds that a term which ends by itself waits for its writes; POLL_SECONDS:
seconds between two checks of them."""


class HubRestored(Exception):
    """HubRestored ends a term: the hub was restored while this controller led, so it has to start
    again."""


class TermEnd(Struct, frozen=True, eq=False):
    """TermEnd checks before each turn whether the term has to end."""

    _mirror: Mirror
    _errors: DeferredErrors
    _quarantine: Quarantine
    _journal_writer: JournalWriter
    _writer: Writer

    async def end_if_invalid(self, now: datetime) -> None:
        """Raises HubRestored, or RolloutError, if nothing may be decided any more."""
        if proof := self._mirror.hub_restored:
            # The restored hub no longer shows what was seen before.
            await self._journal_writer.write_deferred(now)
            raise HubRestored(proof)
        self._errors.raise_first()

    async def end_if_due(self, now: datetime) -> None:
        """Raises RetryDue if a quarantined rollout is due, after the writes in progress."""
        if self._quarantine.due:
            await self._drain(now)
            raise RetryDue

    async def _drain(self, now: datetime) -> None:
        await self._journal_writer.write_deferred(now)
        for _ in range(round(DRAIN / POLL_SECONDS)):
            if not self._writer.depth:
                return
            await asyncio.sleep(POLL_SECONDS)

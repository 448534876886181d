"""Keeps what a controller that leads again after a moment still knows of the hub (R23.5).

On a slow hub the Lease is lost again and again; withdrawing unarmed runs each time would keep sites
from ever starting.
"""

from collections.abc import Callable
from datetime import datetime
from math import inf

from ibgu.controller.mirror.watches import Watches

MAX_GAP = 30.0
"""The longest interruption of the lead, in seconds."""


class SyncRecord:
    """SyncRecord remembers from lead to lead since when the mirror was in sync without a gap."""

    def __init__(self, watches: Watches, clock: Callable[[], float]) -> None:
        self._watches = watches
        self._clock = clock
        self._gaps = 0
        self._since: datetime | None = None
        self._ended = -inf

    def begin(self, *, again: bool) -> datetime | None:
        """Returns since when decisions may still be armed; None: since this lead.

        `again`: no other controller has led since this one's last lead.
        """
        gaps, since = self._watches.gaps, self._since
        unbroken = gaps == self._gaps and self._watches.in_sync
        soon = self._clock() - self._ended <= MAX_GAP
        self._gaps, self._since = gaps, None
        return since if again and unbroken and soon else None

    def end(self, since: datetime) -> None:
        """Records the end of the lead; `since`: the time from `Facts`."""
        self._since, self._ended = since, self._clock()

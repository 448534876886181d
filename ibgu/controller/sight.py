"""What a controller that leads again after a moment still knows of the hub (R23.5).

On a hub that is slow the Lease is lost again and again. To withdraw each time what was not armed
yet kept sites from ever starting.
"""

from collections.abc import Callable
from datetime import datetime
from math import inf

from ibgu.controller.watches import Watches

BLIP = 30.0
"""Seconds for which the lead may have been lost."""


class Sight:
    """From lead to lead: since when the hub was in sight without a gap."""

    def __init__(self, watches: Watches, clock: Callable[[], float]) -> None:
        self._watches = watches
        self._clock = clock
        self._gaps = 0
        self._since: datetime | None = None
        self._ended = -inf

    def begin(self, *, again: bool) -> datetime | None:
        """Return since when what was decided on may still be armed; None: since this lead.

        `again`: no other controller has led since the last lead of this one.
        """
        gaps, since = self._watches.gaps, self._since
        unbroken = gaps == self._gaps and self._watches.in_sync
        soon = self._clock() - self._ended <= BLIP
        self._gaps, self._since = gaps, None
        return since if again and unbroken and soon else None

    def end(self, since: datetime) -> None:
        """The lead has ended; `since`: as `Facts` had it."""
        self._since, self._ended = since, self._clock()

"""Reads the hub's own releases for preflight (P4, P5), where the controller has the right to."""

import asyncio
from collections.abc import Callable

import structlog

from ibgu.core.drivers.ibu.preflight.facts import HubRelease, Lookup, PayloadFacts
from ibgu.hub.errors import HubError
from ibgu.hub.port import Hub
from ibgu.hub.preflight import HubReading

log = structlog.get_logger("ibgu.controller")

SECONDS = 600.0
"""Seconds for which the releases count: they rarely change, and cost two requests."""
_UNREAD = HubRelease(Lookup.FORBIDDEN)
UNREAD = PayloadFacts(hub=_UNREAD, acm=_UNREAD)


class HubReleases:
    """HubReleases reads the releases at most once in `SECONDS`, for all rollouts. No method raises
    if the hub does not respond."""

    def __init__(self, client: Hub) -> None:
        self._client = client
        self._known = UNREAD
        self._until = 0.0
        self._reading = asyncio.Lock()
        self._now: Callable[[], float] = asyncio.get_running_loop().time

    async def read(self) -> PayloadFacts:
        """Returns the releases as they were read last; what was not read is forbidden."""
        async with self._reading:
            if self._now() >= self._until:
                try:
                    self._known = await HubReading(self._client).releases()
                except HubError as error:
                    log.info("can't read the hub's releases", error=str(error))
                self._until = self._now() + SECONDS
            return self._known

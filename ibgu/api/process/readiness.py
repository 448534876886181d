"""Determines whether the process is ready: it can use the journal, and the rest of it works."""

import asyncio

from ibgu.api.context import Probes
from ibgu.flowcontrol.ttl import TtlCache

FRESH_SECONDS = 1.0
"""Seconds for which a result is reused: probes need no token, and this bounds what they cost the
database."""


class Readiness:
    def __init__(self, probes: Probes) -> None:
        self._probes = probes
        self._cache: TtlCache[str, str | None] | None = None

    async def problems(self) -> list[str]:
        """Returns the problems; empty if the process is ready."""
        if self._cache is None:
            self._cache = TtlCache(FRESH_SECONDS, asyncio.get_running_loop().time)
        journal = await self._cache.get("journal", self._probes.journal)
        return [*([journal] if journal else []), *self._probes.problems()]

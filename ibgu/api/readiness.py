"""Is the process ready: can it use the journal, and does the rest of it do its work?"""

import asyncio

from ibgu.api.context import Probes
from ibgu.hub.ttl import TtlCache

FRESH_SECONDS = 1.0
"""Probes need no token; this bounds what they cost the database."""


class Readiness:
    def __init__(self, probes: Probes) -> None:
        self._probes = probes
        self._cache: TtlCache[str, str | None] | None = None

    async def problems(self) -> list[str]:
        """Empty: ready."""
        if self._cache is None:
            self._cache = TtlCache(FRESH_SECONDS, asyncio.get_running_loop().time)
        journal = await self._cache.get("journal", self._probes.journal)
        return [*([journal] if journal else []), *self._probes.problems()]

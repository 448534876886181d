"""Keeps how long actions take on this hub, measured again periodically."""

import asyncio
from typing import Annotated

from fastapi import Depends, Request

from ibgu.api.context import Context
from ibgu.core.engine.timing.durations import DurationsByAction, DurationStats, steadied
from ibgu.core.model import ActionName
from ibgu.db.reads import Reads
from ibgu.flowcontrol.ttl import TtlCache

FRESH_SECONDS = 15.0


class MeasuredDurations:
    """MeasuredDurations covers all rollouts of the hub: usual durations are no secret of any of
    them."""

    def __init__(self, context: Context) -> None:
        self._reads = Reads(context.engine, context.hub)
        self._cache: TtlCache[None, dict[ActionName, DurationStats]] | None = None
        self._known: DurationsByAction = {}

    async def duration_stats(self) -> DurationsByAction:
        if self._cache is None:
            self._cache = TtlCache(FRESH_SECONDS, asyncio.get_running_loop().time)
        return await self._cache.get(None, self._measure)

    async def _measure(self) -> dict[ActionName, DurationStats]:
        found = steadied(self._known, await self._reads.duration_stats())
        self._known = found
        return found


async def _duration_stats(request: Request) -> DurationsByAction:
    measured: MeasuredDurations = request.app.state.measured
    return await measured.duration_stats()


DurationsOfHub = Annotated[DurationsByAction, Depends(_duration_stats)]

"""Adds what was read on clusters, and requests that it is read."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from typing import Annotated
from uuid import uuid4

from fastapi import Depends, Request
from sqlalchemy.exc import ProgrammingError

from ibgu.api.context import Context
from ibgu.api.problems import invalid
from ibgu.api.requests.async_dependency import async_dependency
from ibgu.core.drivers.ibu.preflight import ClusterFacts
from ibgu.db.errors import sqlstate
from ibgu.db.inspections import Inspections, with_inspection

MAX_CLUSTERS = 5_000
"""Clusters that one request may have inspected."""
FRESH = timedelta(seconds=30)
"""A request reads no cluster again whose inspection ended so little ago."""
_WAIT = 20.0
"""Seconds that a request waits for answers: routers in front often end it after 30."""
_INTERVAL = 0.5
_NO_RIGHT = "42501"

OFF = "only the cluster knows, and inspections are off: set IBGU_PREFLIGHT_INSPECTIONS"
NOT_ASKED = "only the cluster knows: inspect the clusters to read it"
DENIED = (
    "only the cluster knows, and the API's database user may not request inspections: see the "
    "preflight guide"
)


class ClusterInspections:
    """ClusterInspections serves one request. The clusters are those that the caller has listed
    with the caller's own rights. Methods raise JournalUnavailable."""

    def __init__(self, request: Request) -> None:
        context: Context = request.app.state.context
        self._limits = context.inspections
        self._store = Inspections(context.engine, context.hub)
        self._asked = False
        self.reason = NOT_ASKED if self._limits.enabled else OFF
        """Why a cluster was not inspected that nothing else is known of."""

    @property
    def enabled(self) -> bool:
        return self._limits.enabled

    def ask(self) -> None:
        """Has the clusters inspected before they are judged."""
        self._asked = True

    async def added(self, clusters: Sequence[ClusterFacts]) -> tuple[ClusterFacts, ...]:
        """Returns the clusters with what was read on them."""
        names = [each.name for each in clusters]
        if not self._limits.enabled or not names:
            return tuple(clusters)
        if self._asked:
            await self._inspect(names)
        found = await self._store.results(names, self._limits.ttl)
        return tuple(with_inspection(each, found.get(each.name)) for each in clusters)

    async def _inspect(self, names: Sequence[str]) -> None:
        if len(names) > MAX_CLUSTERS:
            bound = f"the {MAX_CLUSTERS} that one request may inspect"
            raise invalid("inspect", "body", f"{len(names)} clusters are more than {bound}")
        try:
            await self._store.request(names, uuid4().hex, FRESH)
        except ProgrammingError as error:
            if sqlstate(error) != _NO_RIGHT:
                raise
            self.reason = DENIED
            return
        for _ in range(round(_WAIT / _INTERVAL)):
            if not await self._store.left(names):
                break
            await asyncio.sleep(_INTERVAL)


InspectionsOfRequest = Annotated[ClusterInspections, Depends(async_dependency(ClusterInspections))]

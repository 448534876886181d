"""Has the clusters of a step inspected where its rollout enforces preflight (R46.10)."""

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import timedelta
from uuid import uuid4

import structlog
from msgspec import Struct
from sqlalchemy.exc import DBAPIError

from ibgu.db.errors import JournalUnavailable, error_text
from ibgu.db.inspections import InspectionResult, Inspections

log = structlog.get_logger("ibgu.controller")

FRESH = timedelta(minutes=5)
"""A step inspects no cluster again whose inspection ended so little ago; clusters that an error
keeps are inspected again as often."""
_BATCH = 200
"""Clusters whose results are read at once, beside which the event loop has other work."""
_SLACK = 30.0
"""Seconds in addition to those that a cluster has, for the inspector's turns."""


class _Progress(Struct):
    """_Progress is how far the inspections of a step are."""

    clusters: set[str]
    """Those for which inspections were requested."""
    left: int
    """Clusters that were left when the number last fell."""
    fell_at: float


class StepInspections:
    """StepInspections requests inspections and reads results. No method raises if the journal does
    not respond."""

    def __init__(
        self,
        store: Inspections,
        ttl: timedelta,
        seconds: float,
        talm_holds: Callable[[], bool] = lambda: False,
    ) -> None:
        """`ttl`: how long what was read counts. `seconds`: how long a cluster has to answer.
        `talm_holds`: whether nothing may be written beside a live TALM, so that nobody is
        asked."""
        self._talm_holds = talm_holds
        self._store = store
        self._ttl = ttl
        self._patience = seconds + _SLACK
        self._progress: dict[tuple[str, int], _Progress] = {}
        self._renewed: dict[str, float] = {}
        self._now: Callable[[], float] = asyncio.get_running_loop().time

    def forget(self, rollout: str) -> None:
        self._renewed.pop(rollout, None)
        for key in [key for key in self._progress if key[0] == rollout]:
            del self._progress[key]

    async def ended(self, step: tuple[str, int], clusters: Sequence[str]) -> bool:
        """Returns whether the step's clusters are inspected; requests it the first time that it
        has them. Once nothing has ended for as long as a cluster has to answer, the rest is not
        waited for."""
        known = self._progress.get(step) or _Progress(set(), 0, self._now())
        if new := set(clusters) - known.clusters:
            if not await self._request(sorted(new)):
                return False
            known.clusters |= new
            known.left += len(new)
            known.fell_at = self._now()
            self._progress[step] = known
        if known.left == 0:
            return True
        try:
            left = await self._store.left(clusters)
        except (JournalUnavailable, DBAPIError) as error:
            _log(error)
            return False
        now = self._now()
        if left < known.left:
            known.left, known.fell_at = left, now
        elif self._talm_holds():
            known.fell_at = now
        if left > 0 and now - known.fell_at < self._patience:
            return False
        known.left = 0
        return True

    async def renew(self, rollout: str, clusters: Collection[str]) -> None:
        """Requests inspections of clusters that an error keeps, as often as `FRESH` says."""
        now = self._now()
        last = self._renewed.setdefault(rollout, now)
        if clusters and now - last >= FRESH.total_seconds():
            self._renewed[rollout] = now
            await self._request(sorted(clusters))

    async def results(self, clusters: Sequence[str]) -> Mapping[str, InspectionResult] | None:
        """Returns the results by cluster; None: the journal does not respond."""
        found: dict[str, InspectionResult] = {}
        try:
            for start in range(0, len(clusters), _BATCH):
                found |= await self._store.results(clusters[start : start + _BATCH], self._ttl)
        except (JournalUnavailable, DBAPIError) as error:
            _log(error)
            return None
        return found

    async def _request(self, clusters: Sequence[str]) -> bool:
        try:
            await self._store.request(clusters, uuid4().hex, FRESH)
        except (JournalUnavailable, DBAPIError) as error:
            _log(error)
            return False
        return True


def _log(error: Exception) -> None:
    log.info("can't have clusters inspected yet", error=error_text(error))

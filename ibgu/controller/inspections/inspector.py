"""Carries out inspections, those that the API requests and those of clusters that have failed:
sends works, reads answers, stores facts."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from random import Random
from uuid import uuid4

import structlog
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from ibgu.controller.inspections.progress import InspectionProgress, InspectionStep
from ibgu.controller.inspections.reading_works import TOO_OLD, ReadingWorkKind, ReadingWorks
from ibgu.core.drivers.ibu.preflight.inspection import (
    SELECTOR,
    WORK,
    inspection_body,
    inspection_patch,
    velero_objects,
)
from ibgu.core.model import ClusterView
from ibgu.core.model.kinds import ManifestWork
from ibgu.db.errors import JournalUnavailable, LeadershipLost, error_text
from ibgu.db.inspections import FinishedInspection, Inspections, OpenInspection
from ibgu.flowcontrol.deadline import Deadline
from ibgu.hub.discovery import Served
from ibgu.hub.port import Hub
from ibgu.hub.writing.writer import WriteResult
from ibgu.settings import Settings

log = structlog.get_logger("ibgu.inspections")

INTERVAL = 1.0
"""Seconds between two looks for requests; while clusters are inspected, at least that often."""
FAILURES_INTERVAL = 5.0
"""Seconds between two looks for clusters that have failed."""
RETRY = 10.0
"""Seconds until a failed round is retried."""
MAX_CLUSTERS = 500
"""Clusters that are inspected at once: each holds some KiB of its answer."""
_WORKS = ReadingWorkKind(name=WORK, selector=SELECTOR, share=4)
Cluster = Callable[[str], ClusterView | None]
"""Returns the cluster as the hub shows it; None: there is none."""


class Inspector:
    """Inspector works while its process leads. Errors of its own end neither the lead nor its
    task."""

    def __init__(
        self, settings: Settings, client: Hub, engine: AsyncEngine, served: Served, rng: Random
    ) -> None:
        self._settings = settings
        self._client = client
        self._store = Inspections(engine, served.hub)
        self._served = served
        self._rng = rng
        self._task: asyncio.Task[None] | None = None
        self._talm_holds: Callable[[], bool] = lambda: True

    def lead(
        self, epoch: int, deadline: Deadline, cluster: Cluster, talm_holds: Callable[[], bool]
    ) -> None:
        """`talm_holds`: whether nothing may be written beside a live TALM: until then requests
        wait."""
        self.rest()
        self._talm_holds = talm_holds
        self._task = asyncio.create_task(self._inspect(epoch, deadline, cluster))

    def rest(self) -> None:
        """Asks the task to stop, and does not wait for it."""
        if self._task is not None:
            self._task.cancel()

    async def stop(self) -> None:
        self.rest()
        if self._task is not None:
            await asyncio.wait({self._task})

    async def _inspect(self, epoch: int, deadline: Deadline, cluster: Cluster) -> None:
        # The first round removes what an earlier controller has left.
        left, failures_at = True, 0.0
        loop = asyncio.get_running_loop()
        while True:
            wait = INTERVAL
            try:
                if left:
                    await self._store.prune(epoch)
                if loop.time() >= failures_at:
                    await self._store.request_failed(uuid4().hex, epoch)
                    failures_at = loop.time() + FAILURES_INTERVAL
                if left or await self._store.open(1):
                    await self._round(epoch, deadline, cluster)
                    left = False
            except LeadershipLost:
                return
            except (JournalUnavailable, DBAPIError) as error:
                log.warning("will inspect clusters later", error=error_text(error))
                wait = RETRY
            except Exception:
                log.exception("will inspect clusters later")
                wait = RETRY
            await asyncio.sleep(wait)

    async def _round(self, epoch: int, deadline: Deadline, cluster: Cluster) -> None:
        """Inspects until nothing is requested and no work is left."""
        timeout = self._settings.preflight_inspection_seconds
        round_ = _Round(self._store, epoch, cluster, timeout)
        limits = _WORKS.limits(self._settings)
        works = ReadingWorks(
            _WORKS,
            self._client,
            self._served,
            limits,
            self._rng,
            round_.answered,
            self._talm_holds,
        )
        async with works.open(deadline):
            while await round_.turn(works):
                await works.woken(INTERVAL)
        if round_.read or round_.unread:
            log.info("clusters inspected", answered=round_.read, unanswered=round_.unread)


class _Round:
    """_Round holds the inspections that are under way."""

    def __init__(self, store: Inspections, epoch: int, cluster: Cluster, timeout: float) -> None:
        self._store = store
        self._epoch = epoch
        self._cluster = cluster
        self._timeout = timeout
        self._running: dict[str, InspectionProgress] = {}
        self._done: list[FinishedInspection] = []
        self._requested: dict[str, OpenInspection] = {}
        self._read_again_at = 0.0
        self._loop = asyncio.get_running_loop()
        self.read = self.unread = 0

    async def turn(self, works: ReadingWorks) -> bool:
        """Takes each cluster one step further. Returns whether anything is left to do."""
        now, may_write = self._loop.time(), works.may_write()
        if now >= self._read_again_at:
            self._requested = {each.cluster: each for each in await self._store.open(MAX_CLUSTERS)}
            self._read_again_at = now + INTERVAL
        requested = self._requested
        for cluster, request in requested.items():
            running = self._running.get(cluster)
            if running is None or running.request.id != request.id:
                progress = InspectionProgress(request, now + self._timeout)
                progress.problem = self._problem(cluster, works.supported)
                self._running[cluster] = progress
        for cluster in self._running.keys() - requested.keys():
            del self._running[cluster]
        for progress in list(self._running.values()):
            if may_write or progress.problem:
                self._advance(progress, works, now)
            else:
                progress.until = now + self._timeout
        await self._store_done()
        left = not may_write or works.remove(self._needed)
        return bool(self._running or left or await self._store.open(1))

    def answered(self, cluster: str, result: WriteResult) -> None:
        """Handles the hub's response to a write. A conflict is with a work from before, which the
        watch shows."""
        progress, error = self._running.get(cluster), result.error
        if progress is None or progress.request.id != result.write.token:
            return
        if result.superseded or (error is not None and error.conflict):
            progress.asked = False
            progress.create_from = self._loop.time() + INTERVAL
        elif error is not None and not (error.not_found and result.write.method == "PATCH"):
            progress.problem = f"the hub refused the inspection: {error}"

    def _problem(self, cluster: str, supported: bool) -> str:
        """Returns why the cluster can't be inspected; empty: it can."""
        found = self._cluster(cluster)
        if not supported:
            return TOO_OLD
        if found is None:
            return "the cluster is not on the hub"
        return "" if found.reachable else "the cluster is not reachable"

    def _advance(self, progress: InspectionProgress, works: ReadingWorks, now: float) -> None:
        cluster, id_ = progress.request.cluster, progress.request.id
        if works.pending(cluster):
            return
        more = velero_objects(progress.request.failure)
        match progress.next(works.get(cluster), now):
            case InspectionStep.CREATE:
                progress.asked = True
                works.create(cluster, inspection_body(id_, more), id_)
            case InspectionStep.PATCH:
                progress.patch_sent(now)
                works.patch(cluster, inspection_patch(progress.uid, progress.node, more), id_)
            case InspectionStep.FINISH:
                self._done.append(progress.finished)
            case InspectionStep.WAIT:
                pass

    def _needed(self, work: ManifestWork) -> bool:
        """Whether an inspection is under way that needs the work: it has not ended, and is not an
        earlier controller's."""
        progress = self._running.get(work.metadata.namespace)
        return progress is not None and progress.is_own(work)

    async def _store_done(self) -> None:
        if not self._done:
            return
        await self._store.finish(self._done, self._epoch)
        for each in self._done:
            del self._running[each.cluster]
            self._requested.pop(each.cluster, None)
        self.read += sum(each.facts is not None for each in self._done)
        self.unread += sum(each.facts is None for each in self._done)
        self._done = []


@asynccontextmanager
async def inspecting(
    settings: Settings, client: Hub, engine: AsyncEngine, served: Served
) -> AsyncIterator[Inspector | None]:
    """Yields the inspector; None if inspections are turned off."""
    if not settings.preflight_inspections:
        yield None
        return
    inspector = Inspector(settings, client, engine, served, Random())
    try:
        yield inspector
    finally:
        await inspector.stop()

"""Carries out inspections, those that the API requests and those of clusters that have failed:
sends works, reads answers, stores facts."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from random import Random
from uuid import uuid4

import structlog
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from ibgu.controller.inspections.progress import InspectionProgress, InspectionStep
from ibgu.controller.inspections.running import first, running
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
from ibgu.hub import paths
from ibgu.hub.discovery import Served
from ibgu.hub.port import Hub
from ibgu.hub.watching.reflector import Reflector, WatchedKind, whole
from ibgu.hub.watching.store import Key, Store
from ibgu.hub.writing.writer import Write, WriteLimits, Writer, WriteResult
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
_SHARE = 4
"""Inspections get one in so many of the writes that the hub takes: rollouts go before."""

READ_ONLY = "ReadOnly"
TOO_OLD = (
    "the hub's ManifestWorks have no update strategy ReadOnly, which came with Open Cluster "
    "Management 0.14"
)
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

    def lead(self, epoch: int, deadline: Deadline, cluster: Cluster) -> None:
        self.rest()
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
        round_ = _Round(
            self._store, epoch, cluster, timeout, READ_ONLY in self._served.update_strategies
        )
        limits = WriteLimits(
            concurrency=max(1, self._settings.hub_concurrency // _SHARE),
            rate=self._settings.hub_rate / _SHARE,
            burst=max(1, self._settings.hub_burst // _SHARE),
        )
        writer = Writer(self._client, done=round_.answered, limits=limits, rng=self._rng)
        writer.resume(deadline)
        reflector = Reflector(
            self._client,
            WatchedKind(paths.works(), ManifestWork, whole, SELECTOR),
            round_.works,
            streaming=self._served.streaming_lists,
            on_error=lambda error: log.warning("watch interrupted", error=str(error)),
            rng=self._rng,
        )
        async with running(reflector.run(), writer.run()) as tasks:
            await first(reflector.synced.wait(), tasks)
            while await round_.turn(writer):
                await first(round_.woken(), tasks)
        if round_.read or round_.unread:
            log.info("clusters inspected", answered=round_.read, unanswered=round_.unread)


class _Round:
    """_Round holds the inspections that are under way."""

    def __init__(
        self, store: Inspections, epoch: int, cluster: Cluster, timeout: float, supported: bool
    ) -> None:
        self._store = store
        self._epoch = epoch
        self._cluster = cluster
        self._timeout = timeout
        self._supported = supported
        self._running: dict[str, InspectionProgress] = {}
        self._done: list[FinishedInspection] = []
        self._requested: dict[str, OpenInspection] = {}
        self._read_again_at = 0.0
        self._deleted: set[str] = set()
        """uids of works that the hub has taken a deletion of, and may still show."""
        self._changed = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self.works: Store[ManifestWork] = Store({}, self._work_changed)
        self.read = self.unread = 0

    async def turn(self, writer: Writer) -> bool:
        """Takes each cluster one step further. Returns whether anything is left to do."""
        self._changed.clear()
        now = self._loop.time()
        if now >= self._read_again_at:
            self._requested = {each.cluster: each for each in await self._store.open(MAX_CLUSTERS)}
            self._read_again_at = now + INTERVAL
        requested = self._requested
        for cluster, request in requested.items():
            running = self._running.get(cluster)
            if running is None or running.request.id != request.id:
                self._running[cluster] = self._begin(
                    InspectionProgress(request, now + self._timeout)
                )
        for cluster in self._running.keys() - requested.keys():
            del self._running[cluster]
        for progress in list(self._running.values()):
            self._advance(progress, writer, now)
        await self._store_done()
        self._remove_rest(writer)
        # An agent that is away keeps its work: there is nothing to wait for.
        left = any(
            work.metadata.deletion_timestamp is None and work.metadata.uid not in self._deleted
            for work in self._works()
        )
        return bool(self._running or left or writer.depth or await self._store.open(1))

    async def woken(self) -> None:
        """Waits until something has changed, or requests may have come."""
        with suppress(TimeoutError):
            async with asyncio.timeout(INTERVAL):
                await self._changed.wait()
        # Answers of many clusters come together.
        await asyncio.sleep(INTERVAL / 20)

    def answered(self, result: WriteResult) -> None:
        """Handles the hub's response to a write. A conflict is with a work from before, which the
        watch shows."""
        self._changed.set()
        progress, error = self._running.get(result.write.key[1]), result.error
        if result.write.method == "DELETE":
            if error is None:
                self._deleted.add(result.write.token)
            return
        if progress is None or progress.request.id != result.write.token:
            return
        if result.superseded or (error is not None and error.conflict):
            progress.asked = False
            progress.create_from = self._loop.time() + INTERVAL
        elif error is not None and not (error.not_found and result.write.method == "PATCH"):
            progress.problem = f"the hub refused the inspection: {error}"

    def _work_changed(self, key: Key, old: object, new: object) -> None:
        self._changed.set()

    def _begin(self, progress: InspectionProgress) -> InspectionProgress:
        found = self._cluster(progress.request.cluster)
        if not self._supported:
            progress.problem = TOO_OLD
        elif found is None:
            progress.problem = "the cluster is not on the hub"
        elif not found.reachable:
            progress.problem = "the cluster is not reachable"
        return progress

    def _advance(self, progress: InspectionProgress, writer: Writer, now: float) -> None:
        cluster, id_ = progress.request.cluster, progress.request.id
        key = ("inspection", cluster)
        if writer.pending(key):
            return
        more = velero_objects(progress.request.failure)
        match progress.next(self.works.get((cluster, WORK)), now):
            case InspectionStep.CREATE:
                progress.asked = True
                body = inspection_body(id_, more)
                writer.submit(Write(key, "POST", paths.works(cluster), body, token=id_))
            case InspectionStep.PATCH:
                progress.patch_sent(now)
                body = inspection_patch(progress.uid, progress.node, more)
                path = paths.work(cluster, WORK)
                writer.submit(Write(key, "PATCH", path, body, paths.MERGE_PATCH, token=id_))
            case InspectionStep.FINISH:
                self._done.append(progress.finished)
            case InspectionStep.WAIT:
                pass

    def _works(self) -> list[ManifestWork]:
        """Returns the works of inspections. Anyone who may label a work could have it deleted by
        ibgu's rights otherwise."""
        return [work for work in self.works if work.metadata.name == WORK]

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

    def _remove_rest(self, writer: Writer) -> None:
        """Deletes works that no inspection needs: of those that have ended, and of an earlier
        controller."""
        for work in self._works():
            meta = work.metadata
            progress = self._running.get(meta.namespace)
            needed = progress is not None and progress.is_own(work)
            key = ("inspection", meta.namespace)
            gone = meta.deletion_timestamp is not None or meta.uid in self._deleted
            if needed or gone or writer.pending(key):
                continue
            path = paths.work(meta.namespace, meta.name)
            body = b'{"preconditions":{"uid":"%s"}}' % meta.uid.encode()
            writer.submit(Write(key, "DELETE", path, body, token=meta.uid))


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

"""Works of one name that only read on clusters: written, watched and removed for one round."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from random import Random

import structlog
from msgspec import Struct

from ibgu.controller.inspections.running import first, running
from ibgu.core.model.kinds import ManifestWork
from ibgu.flowcontrol.deadline import Deadline
from ibgu.hub import paths
from ibgu.hub.discovery import Served
from ibgu.hub.port import Hub
from ibgu.hub.watching.reflector import Reflector, WatchedKind, whole
from ibgu.hub.watching.store import Key, Store
from ibgu.hub.writing.writer import Write, WriteLimits, Writer, WriteResult
from ibgu.settings import Settings

log = structlog.get_logger("ibgu.inspections")

TOO_OLD = (
    "the hub's ManifestWorks have no update strategy ReadOnly, which came with Open Cluster "
    "Management 0.14"
)
READ_ONLY = "ReadOnly"
_GATHERING = 20
"""Answers of many clusters come together: they are gathered for such a part of the interval."""


class ReadingWorkKind(Struct, frozen=True):
    """ReadingWorkKind says which works they are."""

    name: str
    """Their name, in the namespaces of the clusters."""
    selector: str
    """The labels that they carry."""
    share: int
    """They get one in so many of the writes that the hub takes: rollouts go before."""

    def limits(self, settings: Settings) -> WriteLimits:
        return WriteLimits(
            concurrency=max(1, settings.hub_concurrency // self.share),
            rate=settings.hub_rate / self.share,
            burst=max(1, settings.hub_burst // self.share),
        )


class ReadingWorks:
    """ReadingWorks are usable while `open`."""

    def __init__(
        self,
        kind: ReadingWorkKind,
        client: Hub,
        served: Served,
        limits: WriteLimits,
        rng: Random,
        answered: Callable[[str, WriteResult], None],
        talm_holds: Callable[[], bool],
    ) -> None:
        """`answered` gets the cluster and the hub's response to a POST or a PATCH. `talm_holds`:
        whether nothing may be written beside a live TALM."""
        self.supported = READ_ONLY in served.update_strategies
        """Whether the hub has works that only read; `TOO_OLD` says why not."""
        self._kind = kind
        self._handle = answered
        self._talm_holds = talm_holds
        self._deadline: Deadline | None = None
        self._paused = False
        self._deleted: set[str] = set()
        """uids of works that the hub has taken a deletion of, and may still show."""
        self._changed = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._store: Store[ManifestWork] = Store({}, self._work_changed)
        self._writer = Writer(client, done=self._answered, limits=limits, rng=rng)
        self._reflector = Reflector(
            client,
            WatchedKind(paths.works(), ManifestWork, whole, kind.selector),
            self._store,
            streaming=served.streaming_lists,
            on_error=lambda error: log.warning("watch interrupted", error=str(error)),
            rng=rng,
        )

    @asynccontextmanager
    async def open(self, deadline: Deadline) -> AsyncIterator[None]:
        """Reads the works of the hub, then watches them. Nothing is written after the deadline."""
        self._deadline = deadline
        self._writer.resume(deadline)
        async with running(self._reflector.run(), self._writer.run()) as self._tasks:
            await first(self._reflector.synced.wait(), self._tasks)
            yield

    def may_write(self) -> bool:
        """Returns whether works may be written now. Beside a live TALM none are (R20.1), and those
        that wait to be sent are dropped."""
        held = self._talm_holds()
        if held and not self._paused:
            self._writer.pause()
        elif self._paused and not held:
            self._writer.resume(self._deadline)
        self._paused = held
        return not held

    async def woken(self, seconds: float) -> None:
        """Waits until a work has changed or the hub has responded, but no longer than these
        seconds. Raises what ends the watch or the writer."""
        await first(self._woken(seconds), self._tasks)

    def get(self, cluster: str) -> ManifestWork | None:
        return self._store.get((cluster, self._kind.name))

    def pending(self, cluster: str) -> bool:
        """Returns whether a write of the cluster's work is under way."""
        return self._writer.pending(self._key(cluster))

    def is_there(self, work: ManifestWork) -> bool:
        """Returns whether the work is not being removed."""
        meta = work.metadata
        return meta.deletion_timestamp is None and meta.uid not in self._deleted

    def create(self, cluster: str, body: bytes, token: str) -> None:
        path = paths.works(cluster)
        self._writer.submit(Write(self._key(cluster), "POST", path, body, token=token))

    def patch(self, cluster: str, body: bytes, token: str) -> None:
        path, kind = paths.work(cluster, self._kind.name), paths.MERGE_PATCH
        self._writer.submit(Write(self._key(cluster), "PATCH", path, body, kind, token=token))

    def remove(self, needed: Callable[[ManifestWork], bool]) -> bool:
        """Deletes works that are not needed. Returns whether any is still there, or a write is
        under way. An agent that is away keeps its work: there is nothing to wait for."""
        for work in filter(self.is_there, self._own()):
            meta = work.metadata
            if needed(work) or self.pending(meta.namespace):
                continue
            path = paths.work(meta.namespace, meta.name)
            body = b'{"preconditions":{"uid":"%s"}}' % meta.uid.encode()
            self._writer.submit(
                Write(self._key(meta.namespace), "DELETE", path, body, token=meta.uid)
            )
        return bool(self._writer.depth) or any(map(self.is_there, self._own()))

    def _own(self) -> Iterator[ManifestWork]:
        """Yields the works of this name. Anyone who may label a work could have it deleted by
        ibgu's rights otherwise."""
        return (work for work in self._store if work.metadata.name == self._kind.name)

    def _key(self, cluster: str) -> tuple[str, str]:
        return (self._kind.name, cluster)

    def _answered(self, result: WriteResult) -> None:
        self._changed.set()
        if result.write.method != "DELETE":
            self._handle(result.write.key[1], result)
        elif result.error is None and not result.superseded:
            self._deleted.add(result.write.token)

    def _work_changed(self, key: Key, old: object, new: object) -> None:
        self._changed.set()

    async def _woken(self, seconds: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._changed.wait()
        await asyncio.sleep(seconds / _GATHERING)
        self._changed.clear()

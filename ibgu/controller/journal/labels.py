"""Keeps the labels of clusters in the journal, for REST to find members by; nothing waits for
it."""

import asyncio
from collections.abc import (
    AsyncIterator,
    Callable,
    Collection,
    Iterable,
    Iterator,
    Mapping,
    Sequence,
)
from contextlib import asynccontextmanager
from itertools import islice

import structlog
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from ibgu.db.errors import JournalUnavailable, LeadershipLost, error_text, sqlstate
from ibgu.db.labels import LabelStore, SeenLabels, seen

log = structlog.get_logger("ibgu.labels")

INTERVAL = 2.0
"""Seconds between two rounds: changes that come close together are written together."""
RETRY = 10.0
"""Seconds until a failed round is retried."""
BATCH = 200
"""Clusters in one write. Commits of turns wait for it, some milliseconds."""

_DATA = "22"
"""The class of SQLSTATEs for invalid values."""

Labels = Callable[[str], Mapping[str, str] | None]
"""Returns the labels of a cluster by its name; None if it is not on the hub."""


class LabelKeeper:
    """LabelKeeper writes labels while its process leads; `changed` is called with each cluster
    whose labels may have changed."""

    def __init__(self, engine: AsyncEngine, hub: str, *, every: float = INTERVAL) -> None:
        self._store = LabelStore(engine, hub)
        self._every = every
        self._changed: set[str] = set()
        self._known: dict[str, str] = {}
        self._task: asyncio.Task[None] | None = None

    def changed(self, cluster: str) -> None:
        if self._task is not None:
            self._changed.add(cluster)

    def lead(self, epoch: int, labels: Labels, there: Collection[str]) -> None:
        """Starts to keep what `labels` returns, in that epoch; `there`: all clusters of the hub."""
        self.rest()
        self._changed = set(there)
        self._task = asyncio.create_task(self._keep(epoch, labels))

    def rest(self) -> None:
        """Asks the task to stop, and does not wait for it."""
        if self._task is not None:
            self._task.cancel()

    async def stop(self) -> None:
        self.rest()
        if self._task is not None:
            await asyncio.wait({self._task})

    async def _keep(self, epoch: int, labels: Labels) -> None:
        wait, noted = 0.0, False
        while True:
            await asyncio.sleep(wait)
            try:
                if not noted:
                    self._known = await self._store.digests()
                    self._changed.update(self._known)
                    noted = True
                await self._round(epoch, labels)
            except LeadershipLost:
                return
            except (JournalUnavailable, DBAPIError) as error:
                log.warning("will store clusters' labels later", error=error_text(error))
                wait = RETRY
            except Exception:
                # An error in here must end neither the lead nor this task.
                log.exception("will store clusters' labels later")
                wait = RETRY
            else:
                wait = self._every

    async def _round(self, epoch: int, labels: Labels) -> None:
        """Writes the labels that have changed; what can't be written stays in `_changed`."""
        for batch in _batches(self._changed):
            now = {name: labels(name) for name in batch}
            gone = [name for name, found in now.items() if found is None and name in self._known]
            fresh = [each for each in map(_seen, now.items()) if each and self._is_new(each)]
            if gone:
                await self._store.drop(gone, epoch)
            if fresh:
                await self._put(fresh, epoch)
            self._known |= {each.cluster: each.digest for each in fresh}
            for name in gone:
                del self._known[name]
            self._changed -= {name for name in batch if labels(name) == now[name]}

    async def _put(self, fresh: Sequence[SeenLabels], epoch: int) -> None:
        """Writes the labels, and leaves out only those that the database refuses."""
        try:
            await self._store.put(fresh, epoch)
        except DBAPIError as error:
            if not sqlstate(error).startswith(_DATA):
                raise
            if len(fresh) == 1:
                log.error("can't store labels", cluster=fresh[0].cluster, error=error_text(error))
                return
            middle = len(fresh) // 2
            await self._put(fresh[:middle], epoch)
            await self._put(fresh[middle:], epoch)

    def _is_new(self, found: SeenLabels) -> bool:
        if found.digest == self._known.get(found.cluster):
            return False
        if found.labels is None:
            log.warning("too many labels to find a cluster by", cluster=found.cluster)
        return True


@asynccontextmanager
async def keeping(engine: AsyncEngine, hub: str) -> AsyncIterator[LabelKeeper]:
    keeper = LabelKeeper(engine, hub)
    try:
        yield keeper
    finally:
        await keeper.stop()


def _seen(item: tuple[str, Mapping[str, str] | None]) -> SeenLabels | None:
    cluster, labels = item
    return None if labels is None else seen(cluster, labels)


def _batches(names: Iterable[str]) -> Iterator[list[str]]:
    left = iter(list(names))
    while batch := list(islice(left, BATCH)):
        yield batch

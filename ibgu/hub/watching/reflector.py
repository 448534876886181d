"""Keeps a sink in sync with one kind on the hub, in layers.

`run` never ends; `_follow` is one list and the watches that continue it; `_once` is a single list
or watch and raises what went wrong with it.
"""

import asyncio
import random
from collections.abc import Callable, Collection, Iterable
from typing import Generic, Protocol, TypeVar

from msgspec import Struct

from ibgu.core.model.kinds import ObjectMeta
from ibgu.flowcontrol.backoff import Backoff
from ibgu.hub.decode import BadObject, HasMetadata, OnBad
from ibgu.hub.errors import TRANSPORT, HubError
from ibgu.hub.port import Hub
from ibgu.hub.watching.initial import InitialList
from ibgu.hub.watching.store import Key, key_of
from ibgu.hub.watching.watch import Bookmark, Delete, Echo, Event, Upsert, read_echo, read_event

T = TypeVar("T", bound=HasMetadata)
K = TypeVar("K", bound=HasMetadata)
S = TypeVar("S", bound=HasMetadata, contravariant=True)

EARLY = 0.5
"""Seconds; a watch that ends sooner is not continued without a pause."""

ENDED_EARLY = "WatchEnded"

SLACK = 30.0
"""Seconds after which a watch that the server should have ended is ended here."""

STREAMING_LIST = {"sendInitialEvents": "true", "resourceVersionMatch": "NotOlderThan"}


class Sink(Protocol[S]):
    """Sink is what a reflector writes to; `store.Store` is one."""

    def listing(self) -> None: ...

    def replace(
        self, items: Iterable[S], resource_version: str, *, unread: Collection[Key]
    ) -> None: ...

    def upsert(self, obj: S) -> None: ...

    def delete(self, obj: HasMetadata) -> None: ...

    def answered(self, resource_version: str) -> Key | None: ...

    def echo(self, metadata: ObjectMeta) -> None: ...

    def progress(self, resource_version: str) -> None: ...


class Timing(Struct, frozen=True):
    """Timing is in seconds unless stated otherwise."""

    relist: float = 2700.0
    """The time from one list to the next, a third more or less: repairs what watches missed. The
    sink is in sync during such a list, unless that takes longer than `silence`."""
    watch: float = 290.0
    """Length of a watch, a tenth more or less; below the usual limit of load balancers."""
    silence: float = 90.0
    """Without any line, even a bookmark, which the server sends each minute, the watch is dead."""
    initial: float = 120.0
    """The time for a streaming list to be complete; then pages are requested instead."""
    page: int = 500
    """Objects per page."""
    backoff: Backoff = Backoff()


def whole(obj: T) -> T:
    """Returns the object itself, to keep all that was decoded."""
    return obj


class WatchedKind(Struct, Generic[T, K], frozen=True):
    """WatchedKind is the part of one kind on the hub that a reflector keeps in sync."""

    path: str
    type: type[T]
    keep: Callable[[T], K]
    """Returns the part of an object for the sink; the rest is freed at once."""
    labels: str = ""
    """The label selector; empty: all objects."""
    fields: str = ""
    """The field selector."""


class Reflector(Generic[T, K]):
    """Reflector continues a watch that ends normally where it ended; after any failure but
    throttling or an early end it lists the kind again.

    `synced` is set with the first complete list. `in_sync` is False from a failure on until the
    kind was listed again (after those two: watched again). `last_heard`: the loop's time of the
    last line or list. Reports go to `on_bad` (once per version of an object) and `on_error`.
    """

    def __init__(
        self,
        client: Hub,
        kind: WatchedKind[T, K],
        sink: Sink[K],
        *,
        streaming: bool = True,
        timing: Timing | None = None,
        on_bad: OnBad = lambda _: None,
        on_error: Callable[[HubError], None] = lambda _: None,
        rng: random.Random | None = None,
    ) -> None:
        self._client = client
        self._kind = kind
        self._sink = sink
        self._streaming = streaming
        self._timing = timing or Timing()
        self._on_bad = on_bad
        self._on_error = on_error
        self._rng = rng or random.Random()
        self._loop = asyncio.get_running_loop()
        self._version = ""  # where the next watch begins; empty: a list is needed
        self._relist_at = 0.0
        self._failures = 0
        self._reported: dict[Key, str] = {}
        self.synced = asyncio.Event()
        self.in_sync = False
        self.gaps = 0
        """Number of times it was out of sync, so far."""
        self.last_heard = self._loop.time()

    async def run(self) -> None:
        """Runs until cancelled; otherwise only an error of the sink or of a callback ends it."""
        while True:
            await self._follow()

    async def _follow(self) -> None:
        self._version = ""
        self._relist_at = self._loop.time() + self._timing.relist * self._rng.uniform(0.67, 1.33)
        outdated = self._loop.call_later(self._timing.silence, self._outdated)
        try:
            while not self._version or self._loop.time() < self._relist_at:
                try:
                    await self._once()
                except HubError as error:
                    await self._recover(error)
        finally:
            outdated.cancel()

    def _outdated(self) -> None:
        """Notes that the sink shows what was before a list that has not come to its end."""
        if not self._version and self.in_sync:
            self.mark_out_of_sync()

    def mark_out_of_sync(self) -> None:
        self.in_sync = False
        self.gaps += 1

    async def _recover(self, error: HubError) -> None:
        if not self._version and self._streaming and error.status in (400, 422):
            self._streaming = False
            return
        self.mark_out_of_sync()
        self._failures += 1
        if not (error.status == 429 or error.reason == ENDED_EARLY):
            # Also after a failure to connect or a silent watch: the hub may have been restored from
            # a backup. It accepts a watch from a version that it has not reached yet, and then
            # sends nothing.
            self._version = ""
        self._on_error(error)
        delay = self._timing.backoff.delay(self._failures, self._rng)
        await asyncio.sleep(max(delay, error.retry_after or 0.0))

    async def _once(self) -> None:
        # Every second attempt uses pages, whatever keeps a streaming list from completing.
        if not self._version and (not self._streaming or self._failures % 2):
            await self._list()
        began = self._loop.time()
        await self._watch()
        if self._loop.time() - began < EARLY:
            raise HubError(TRANSPORT, ENDED_EARLY, "the watch ended at once", path=self._kind.path)

    async def _list(self) -> None:
        self._sink.listing()
        initial: InitialList[K] = InitialList()
        version = ""
        pages = self._client.list_pages(
            self._kind.path,
            self._kind.type,
            selector=self._kind.labels,
            fields=self._kind.fields,
            limit=self._timing.page,
            on_bad=initial.noting(self._bad),
        )
        async for items, listed in pages:
            self.last_heard = self._loop.time()
            initial.page([self._kind.keep(item) for item in items])
            version = listed
        self._listed(initial, version)

    async def _watch(self) -> None:
        """Runs one stream; if there is no list yet, its first part is the list."""
        initial: InitialList[K] | None = None
        if not self._version:
            self._sink.listing()
            initial = InitialList()
        query, seconds = self._query()
        async with self._client.stream(
            self._kind.path, query=query, timeout=self._timing.silence, total=seconds + SLACK
        ) as lines:
            self.in_sync = self.in_sync or initial is None
            initial_until = self._loop.time() + self._timing.initial
            async for line in lines:
                self.last_heard = self._loop.time()
                event = self._read(line, initial is None)
                if initial is None:
                    self._apply(event)
                elif isinstance(event, Bookmark) and event.initial_end:
                    self._listed(initial, event.metadata.resource_version)
                    initial = None
                elif self.last_heard > initial_until:
                    break
                else:
                    initial.event(event)
        if initial is not None:
            raise HubError(
                TRANSPORT, "ListCut", "the streaming list has no end", path=self._kind.path
            )

    def _read(self, line: bytes, listed: bool) -> Event:
        # A list contains everything, also what a response has brought.
        if listed and (echo := read_echo(line, self._sink.answered)):
            return echo
        event = read_event(self._kind.path, line, self._kind.type, self._bad)
        return (
            Upsert(self._kind.keep(event.obj), event.metadata)
            if isinstance(event, Upsert)
            else event
        )

    def _listed(self, initial: InitialList[K], version: str) -> None:
        self._sink.replace(initial.objects.values(), version, unread=initial.unread)
        self._reported = {key: self._reported[key] for key in initial.unread}
        self._version = version
        self.in_sync = True
        self.synced.set()

    def _apply(self, event: Event) -> None:
        if isinstance(event, Upsert):
            self._sink.upsert(event.obj)
        elif isinstance(event, Delete):
            self._sink.delete(event.obj)
        elif isinstance(event, Echo):
            self._sink.echo(event.metadata)
        else:
            self._sink.progress(event.metadata.resource_version)
        self._version = event.metadata.resource_version or self._version
        self._failures = 0

    def _bad(self, bad: BadObject) -> None:
        if self._reported.get(key_of(bad)) != bad.metadata.resource_version:
            self._reported[key_of(bad)] = bad.metadata.resource_version
            self._on_bad(bad)

    def _query(self) -> tuple[dict[str, str], float]:
        left = self._relist_at - self._loop.time()
        seconds = max(1.0, min(left, self._timing.watch * self._rng.uniform(0.9, 1.1)))
        query = {
            "watch": "true",
            "allowWatchBookmarks": "true",
            "timeoutSeconds": str(round(seconds)),
        }
        if self._kind.labels:
            query["labelSelector"] = self._kind.labels
        if self._kind.fields:
            query["fieldSelector"] = self._kind.fields
        if not self._version:
            query |= STREAMING_LIST
        else:
            query["resourceVersion"] = self._version
        return query, seconds

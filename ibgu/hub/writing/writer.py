"""Performs writes on the hub: in order per object, fairly between tenants, at a bounded rate."""

import asyncio
import random
from collections.abc import Callable, Mapping
from typing import Any

from msgspec import Struct

from ibgu import tracing
from ibgu.flowcontrol.backoff import Backoff
from ibgu.flowcontrol.bucket import TokenBucket
from ibgu.flowcontrol.deadline import Deadline
from ibgu.flowcontrol.fair import FairQueue, alone
from ibgu.hub.errors import HubError
from ibgu.hub.port import NO_QUERY, Hub

_OF_CLUSTERS = ("work", "cluster", "refresh")
"""Kinds of writes whose keys continue with a cluster's name."""


class Write(Struct, frozen=True):
    """Write is one request. `key` names the object (writes with one key are made in order), `owner`
    the rollout whose share it uses. `base`, the resourceVersion that a patch rests on, and `token`
    are returned with the result."""

    key: tuple[str, ...]
    method: str
    path: str
    body: bytes | None = None
    content_type: str = "application/json"
    query: Mapping[str, str] = NO_QUERY
    owner: str = ""
    base: str = ""
    token: Any = None


class WriteResult(Struct, frozen=True):
    """WriteResult has the `body` of a success, or the last `error` of the hub.

    After a retry of a create, or of a patch with a resourceVersion, the error may be a conflict
    with our own first attempt. `superseded`: given up for a newer write of that key or because
    leadership ended; with an `error` it was sent before, and its outcome is unknown.
    """

    write: Write
    body: bytes | None = None
    error: HubError | None = None
    superseded: bool = False


class WriteLimits(Struct, frozen=True):
    concurrency: int = 32
    rate: float = 400.0
    """Requests per second."""
    burst: int = 400
    timeout: float = 15.0
    """Seconds for one request."""
    attempts: int = 10
    """Attempts per write; then the error is reported, and the caller decides again."""
    backoff: Backoff = Backoff()


class _Lane:
    """_Lane holds the writes of one object: never more than one in flight and one queued."""

    __slots__ = ("error", "failures", "in_flight", "key", "queued", "timer")

    def __init__(self, key: tuple[str, ...]) -> None:
        self.key = key
        self.queued: Write | None = None
        self.error: HubError | None = None  # of the queued write's last try, if it had one
        self.in_flight = False
        self.timer: asyncio.TimerHandle | None = None
        self.failures = 0

    def drop(self) -> WriteResult | None:
        """Gives up the queued write."""
        if self.queued is None:
            return None
        result = WriteResult(self.queued, error=self.error, superseded=True)
        self.queued = self.error = None
        return result


class Writer:
    """Writer calls `done` with every result, once per submitted write, on the event loop.

    `done` may submit again. What it raises ends `run`, or is raised by the `submit` or `pause` that
    superseded a write.
    """

    def __init__(
        self,
        client: Hub,
        *,
        done: Callable[[WriteResult], None],
        limits: WriteLimits | None = None,
        rng: random.Random | None = None,
        tenant_of: Callable[[str], str] = alone,
    ) -> None:
        """`tenant_of`: returns the tenant of a write's owner; tenants share the rate fairly."""
        self._client = client
        self._done = done
        self._limits = limits or WriteLimits()
        self._rng = rng or random.Random()
        self._loop = asyncio.get_running_loop()
        self._bucket = TokenBucket(self._limits.rate, self._limits.burst)
        self._lanes: dict[tuple[str, ...], _Lane] = {}
        self._ready: FairQueue[_Lane] = FairQueue(tenant_of)
        self._wake = asyncio.Semaphore(0)
        self._drained = asyncio.Event()
        self._drained.set()
        self._paused = False
        self._deadline: Deadline | None = None
        self.retries = 0

    def submit(self, write: Write) -> None:
        """Queues the write without blocking. Replaces a queued write of the same key; one in flight
        continues."""
        if self._paused:
            self._done(WriteResult(write, superseded=True))
            return
        lane = self._lanes.get(write.key)
        if lane is None:
            lane = self._lanes[write.key] = _Lane(write.key)
            self._drained.clear()
        dropped = lane.drop()
        lane.queued = write
        if dropped is not None:
            self._done(dropped)
        elif not lane.in_flight:
            self._enqueue(lane)

    def pending(self, key: tuple[str, ...]) -> bool:
        """Returns whether a write of that key is queued, in flight or waiting for a retry."""
        return key in self._lanes

    def queued(self, key: tuple[str, ...]) -> Write | None:
        """Returns the write of that key that is queued or waits for a retry."""
        lane = self._lanes.get(key)
        return lane.queued if lane is not None else None

    def drop(self, key: tuple[str, ...]) -> None:
        """Gives up the `queued` write; it is reported as superseded."""
        lane = self._lanes.get(key)
        dropped = lane.drop() if lane is not None else None
        if lane is not None and dropped is not None:
            self._retire(lane)
            self._done(dropped)

    def drop_owned(self) -> None:
        """Gives up every queued write of a rollout, also one that waits for a retry."""
        owned = [key for key, lane in self._lanes.items() if lane.queued and lane.queued.owner]
        for key in owned:
            self.drop(key)

    @property
    def depth(self) -> int:
        """Number of objects that have a write pending."""
        return len(self._lanes)

    async def drained(self) -> None:
        """Waits until nothing is pending."""
        while self._lanes:
            await self._drained.wait()

    def pause(self) -> None:
        """Stops sending; queued writes are reported as superseded."""
        self._paused = True
        self._ready.clear()
        results = [(lane, lane.drop()) for lane in list(self._lanes.values())]
        for lane, _ in results:
            self._retire(lane)
        for _, result in results:
            if result is not None:
                self._done(result)

    def resume(self, deadline: Deadline | None = None) -> None:
        """Starts sending until `deadline` expires: the writer then pauses by itself, before the
        next request."""
        self._paused = False
        self._deadline = deadline

    async def run(self) -> None:
        async with asyncio.TaskGroup() as workers:
            for _ in range(self._limits.concurrency):
                workers.create_task(self._work())

    async def _work(self) -> None:
        while True:
            await self._wake.acquire()
            await self._bucket.take()
            lane = self._ready.pop()
            if self._deadline is not None and self._deadline.expired and not self._paused:
                self.pause()
            if lane is not None and lane.queued is not None:
                await self._perform(lane, lane.queued)

    async def _perform(self, lane: _Lane, write: Write) -> None:
        lane.queued = lane.error = None
        lane.in_flight = True
        self._handle_response(lane, await self._send(write))

    def _handle_response(self, lane: _Lane, result: WriteResult) -> None:
        lane.in_flight = False
        tried = lane.failures + 1
        if result.error is not None and result.error.transient and tried < self._limits.attempts:
            self._again(lane, result.write, result.error)
            return
        lane.failures = 0
        if lane.queued is not None:
            self._enqueue(lane)
        self._retire(lane)
        self._done(result)

    async def _send(self, write: Write) -> WriteResult:
        timeout = self._limits.timeout
        if self._deadline is not None:
            timeout = min(timeout, max(self._deadline.remaining(), 0.001))
        kind, *rest = write.key
        cluster = rest[0] if rest and kind in _OF_CLUSTERS else None
        with tracing.span(f"write {kind}", ibgu_rollout=write.owner or None, ibgu_cluster=cluster):
            try:
                body = await self._client.request(
                    write.method,
                    write.path,
                    query=write.query,
                    body=write.body,
                    content_type=write.content_type,
                    timeout=timeout,
                )
            except HubError as error:
                return WriteResult(write, error=error)
            return WriteResult(write, body=body)

    def _again(self, lane: _Lane, write: Write, error: HubError) -> None:
        lane.failures += 1
        delay = max(self._limits.backoff.delay(lane.failures, self._rng), error.retry_after or 0.0)
        if error.status == 429:
            # Others wait only as long as the server asks; this object may have been refused many
            # times.
            self._bucket.delay(error.retry_after or self._limits.backoff.first)
        given_up = self._paused or lane.queued is not None
        if not given_up:
            self.retries += 1
            lane.queued, lane.error = write, error
        if lane.queued is not None:
            lane.timer = self._loop.call_later(delay, self._enqueue, lane)
        self._retire(lane)
        if given_up:
            self._done(WriteResult(write, error=error, superseded=True))

    def _enqueue(self, lane: _Lane) -> None:
        lane.timer = None
        if lane.queued is not None:
            self._ready.push(lane.queued.owner, lane)
            self._wake.release()

    def _retire(self, lane: _Lane) -> None:
        if lane.queued is None and not lane.in_flight:
            if lane.timer is not None:
                lane.timer.cancel()
            del self._lanes[lane.key]
            if not self._lanes:
                self._drained.set()

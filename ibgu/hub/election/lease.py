"""Elects the leader by a Lease of coordination.k8s.io/v1.

Two clocks are never compared: another holder's lease counts from the moment at which we saw it
change, our own right to lead from the moment at which we began to ask for it.
"""

import asyncio
import math
import random
from collections.abc import Callable, Coroutine
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import structlog
from msgspec import Struct

from ibgu.core.model.kinds import JsonObject, Lease, ObjectMeta
from ibgu.flowcontrol.deadline import Deadline
from ibgu.hub.decode import decode_one
from ibgu.hub.election.lease_watch import LeaseWatch
from ibgu.hub.election.times import AdaptiveTimes, LeaseTimes
from ibgu.hub.errors import HubError, LeaderStuck
from ibgu.hub.paths import MERGE_PATCH, lease, leases
from ibgu.hub.port import Hub

log = structlog.get_logger("ibgu.election")

Lead = Callable[[Deadline], Coroutine[Any, Any, None]]

_BEYOND = 0.001
"""Seconds past its expiry at which a lease counts as expired."""


STOP_TIMEOUT = 30.0
"""Seconds within which a leader has to end."""


class _Observed(Struct, frozen=True):
    record: tuple[str | None, str | None, int | None]
    """Holder, renewTime, transitions. Not the resourceVersion: an edited label is no renewal."""
    until: float
    """The event loop's time until which it holds, counted from when we first saw it."""


class Elector:
    """Elector campaigns for the lease and keeps it.

    `identity` must be unique among the processes that share the lease. `times` are those on a hub
    that responds quickly; while it responds slowly they grow, to a lease of `longest` seconds at
    most. `leader` is the holder as
    last seen, "" for none; `deadline` is our own right to lead.
    """

    def __init__(
        self,
        client: Hub,
        namespace: str,
        name: str,
        identity: str,
        *,
        times: LeaseTimes | None = None,
        longest: float = 0.0,
        on_error: Callable[[HubError], None] = lambda _: None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        rng: random.Random | None = None,
    ) -> None:
        self._client = client
        self._namespace = namespace
        self._name = name
        self._path = lease(namespace, name)
        self._identity = identity
        self._on_error = on_error
        self._now = now
        self._rng = rng or random.Random()
        self._loop = asyncio.get_running_loop()
        self._adaptive = AdaptiveTimes(times or LeaseTimes(), longest, self._loop.time)
        self._vacancy = LeaseWatch(client, namespace, name)
        self._observed: _Observed | None = None
        self._ours: Lease | None = None
        self._until = 0.0
        self._holding = False
        self._granted = 0.0
        """Seconds from the beginning of the last renewal to the deadline that it set."""
        self.deadline = Deadline(self._loop.time)
        self.leader = ""

    @property
    def times(self) -> LeaseTimes:
        """Returns the times of the next renewal."""
        return self._adaptive.current

    @property
    def held(self) -> ObjectMeta | None:
        """Returns the lease's metadata while it is ours."""
        return self._ours.metadata if self._ours is not None else None

    async def read(self) -> None:
        """Reads the lease before `run`, at the start of the process: a lease that is not renewed
        then expires from now on, so that `run` need not wait for it."""
        self._until = self._loop.time() + self.times.renew_deadline
        with suppress(HubError):
            self._abandoned(decode_one(self._path, await self._request("GET", self._path), Lease))

    async def run(self, lead: Lead) -> None:
        """Campaigns, leads, and campaigns again after leadership was lost.

        `lead` is cancelled when the deadline passes without a renewal or another holder is seen; it
        should end soon then, and may write nothing once its deadline is expired. When it returns or
        raises, the lease is released and `run` returns or raises. Raises LeaderStuck if it does not
        end: a process that only believes it leads is of no use.
        """
        while True:
            await self._campaign()
            if await self._hold(lead):
                return

    async def _campaign(self) -> None:
        """Returns once the lease is ours."""
        ours = await self._try(self.times.renew_deadline)
        if ours:
            return
        self._vacancy.watch()
        holder = ""
        try:
            while not ours:
                holder = self._stand_by(holder)
                await self._vacancy.wait(self._pause())
                ours = await self._try(self.times.renew_deadline)
        finally:
            self._vacancy.leave()

    def _stand_by(self, logged: str) -> str:
        """Logs who holds the lease, once for each holder; returns the last one that was logged."""
        if self.leader in ("", logged, self._identity):
            return logged
        log.info("standing by", lease=f"{self._namespace}/{self._name}", holder=self.leader)
        return self.leader

    def _pause(self) -> float:
        """Returns the seconds until the next attempt, at most until another's lease expires."""
        pause = self.times.retry * self._rng.uniform(1.0, 1.2)
        if self._observed is None:
            return pause
        left = self._observed.until - self._loop.time()
        return min(pause, left + _BEYOND) if left > 0 else pause

    async def _hold(self, lead: Lead) -> bool:
        """Runs `lead`; returns True if it ended by itself, False if leadership was lost."""
        self._holding = True
        leading = asyncio.create_task(lead(self.deadline))
        renewing = asyncio.create_task(self._renew())
        try:
            await asyncio.wait({leading, renewing}, return_when=asyncio.FIRST_COMPLETED)
            by_itself = leading.done()
        finally:
            await _stop(leading)
            await _stop(renewing)
            self._holding = False
            await self._release()
        for task in (leading, renewing):
            if not task.cancelled():
                task.result()
        return by_itself

    async def _renew(self) -> None:
        """Renews the lease until leadership is lost."""
        pause = self._renewal_pause()
        while not self.deadline.expired:
            await asyncio.sleep(min(pause, self.deadline.remaining()))
            if not self.deadline.expired:
                began = self._loop.time()
                renewed = await self._try(self.deadline.remaining())
                # A renewal that hung has waited long enough: the time left is for another one.
                again = max(0.0, began + self.times.retry - self._loop.time())
                pause = self._renewal_pause() if renewed else again

    def _renewal_pause(self) -> float:
        """Returns the seconds from a successful renewal to the next one: none if the hub has become
        slower meanwhile, as that renewal still has the deadline of a hub that responds sooner."""
        times = self.times
        if times.renew_deadline > self._granted:
            return 0.0
        return times.renew or max(times.retry, times.renew_deadline / 4)

    async def _try(self, seconds: float) -> bool:
        """Makes one attempt of at most so many seconds to get or keep the lease."""
        self._until = self._loop.time() + seconds
        try:
            return await self._keep_or_get()
        except HubError as error:
            if not error.conflict:
                self._on_error(error)
            return False

    async def _keep_or_get(self) -> bool:
        if self._ours is None:
            return await self._get()
        try:
            return await self._keep(self._ours)
        except HubError as error:
            if not (error.conflict or error.not_found):
                raise
        # Edited by someone, or our own last renewal took effect without an answer.
        return await self._get()

    async def _get(self) -> bool:
        try:
            seen = decode_one(self._path, await self._request("GET", self._path), Lease)
        except HubError as error:
            if not error.not_found:
                raise
            return await self._create()
        self.leader = seen.spec.holder_identity or ""
        if self.leader == self._identity:
            return await self._keep(seen)
        if not self.leader or self._abandoned(seen):
            return await self._take(seen)
        self.deadline.end()
        return False

    def _abandoned(self, seen: Lease) -> bool:
        spec, now = seen.spec, self._loop.time()
        record = (spec.holder_identity, spec.renew_time, spec.lease_transitions)
        if self._observed is None or self._observed.record != record:
            holds = spec.lease_duration_seconds or self.times.duration
            self._observed = _Observed(record, now + holds)
        return now > self._observed.until

    async def _create(self) -> bool:
        body = {
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": {"name": self._name, "namespace": self._namespace},
            "spec": self._renewal() | {"acquireTime": self._stamp(), "leaseTransitions": 0},
        }
        return await self._write("POST", leases(self._namespace), body, "application/json")

    async def _take(self, seen: Lease) -> bool:
        transitions = (seen.spec.lease_transitions or 0) + 1
        spec = {"acquireTime": self._stamp(), "leaseTransitions": transitions}
        return await self._patch(seen, self._renewal() | spec)

    async def _keep(self, seen: Lease) -> bool:
        return await self._patch(seen, self._renewal())

    async def _release(self) -> None:
        """Releases the lease so that the next leader need not wait for its expiry, which would come
        little later than the time that this may take."""
        self._until = self._loop.time() + self.times.renew_deadline
        try:
            await self._release_lease()
        except HubError as error:
            self._on_error(error)
        finally:
            self.deadline.end()
            self._ours = self._observed = None

    async def _release_lease(self) -> None:
        try:
            await self._empty()
        except HubError as error:
            if not error.conflict:
                raise
            # A cancelled renewal took effect between our two requests.
            await self._empty()

    async def _empty(self) -> None:
        seen = decode_one(self._path, await self._request("GET", self._path), Lease)
        self.leader = seen.spec.holder_identity or ""
        if self.leader == self._identity:
            spec = {"holderIdentity": "", "leaseDurationSeconds": 1, "renewTime": self._stamp()}
            await self._patch(seen, spec)
            self.leader = ""

    async def _patch(self, seen: Lease, spec: JsonObject) -> bool:
        version = {"resourceVersion": seen.metadata.resource_version}
        return await self._write(
            "PATCH", self._path, {"metadata": version, "spec": spec}, MERGE_PATCH
        )

    async def _write(self, method: str, path: str, body: JsonObject, content_type: str) -> bool:
        # Others wait as long as this body says, whatever the hub's response does to the times.
        self._granted = self.times.renew_deadline
        until = self._loop.time() + self._granted
        answer = await self._request(method, path, body, content_type)
        self._ours = decode_one(path, answer, Lease)
        self.leader = self._identity
        if self._holding and self.deadline.expired:
            # Too late: callers know by now that the time to lead is over.
            return False
        self.deadline.move(until)
        return True

    async def _request(
        self, method: str, path: str, body: JsonObject | None = None, content_type: str = ""
    ) -> bytes:
        # Half of the deadline at most, so that one request that hangs leaves time for another.
        left = max(self._until - self._loop.time(), 0.001)
        timeout = min(left, self.times.renew_deadline / 2)
        sent = self._loop.time()
        try:
            return await self._client.request(
                method, path, body=body, content_type=content_type, timeout=timeout
            )
        finally:
            self._adaptive.observe(self._loop.time() - sent)

    def _renewal(self) -> JsonObject:
        return {
            "holderIdentity": self._identity,
            "leaseDurationSeconds": math.ceil(self.times.duration),
            "renewTime": self._stamp(),
        }

    def _stamp(self) -> str:
        return self._now().astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


async def _stop(task: asyncio.Future[None]) -> None:
    task.cancel()
    for _ in range(2):  # a process that was stopped meanwhile has used no time of the second one
        await asyncio.wait({task}, timeout=STOP_TIMEOUT / 2)
    if not task.done():
        raise LeaderStuck(
            f"what led this controller has not ended {STOP_TIMEOUT:g} s after it was told to"
        )
    if not task.cancelled():
        task.exception()

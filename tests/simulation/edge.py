"""Simulates a process's connection to the hub, with everything that may happen on the way."""

import asyncio
from collections import Counter, deque
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from random import Random

from msgspec import json

from ibgu.core.model import names
from ibgu.hub import paths
from ibgu.hub.errors import TRANSPORT, HubError
from ibgu.hub.port import NO_QUERY, Hub
from ibgu.sim.hub import MemoryClient
from tests.simulation.loop import Process
from tests.simulation.network_faults import NetworkFaults, latency

Effect = Callable[[], Awaitable[bytes]]
_PAYLOAD = f'"{names.PART}":"{names.PAYLOAD}"'.encode()
_ARMS = f'"{names.ARMING}":"{names.ARMED}"'.encode()
_FOLLOWS = f'"{names.FOLLOW_UP_OF}"'.encode()
WRITES = ("POST", "PATCH", "PUT", "DELETE")


class FaultyHub(Hub):
    def __init__(
        self,
        inner: MemoryClient,
        weather: NetworkFaults,
        process: Process,
        rng: Random,
        die: Callable[[], None],
    ) -> None:
        self._inner = inner
        self._weather = weather
        self._rng = rng
        self._process = process
        self._die = die
        self._pipes: list[_Pipe] = []
        self.dead = False
        self.requests: Counter[tuple[str, str]] = inner.requests
        self.sent: Counter[tuple[str, str]] = inner.sent

    @property
    def url(self) -> str:
        return self._inner.url

    def cut(self) -> None:
        """Breaks every watch now; what was on its way is lost."""
        for pipe in self._pipes:
            pipe.break_off()

    # -- requests --------------------------------------------------------------------------------

    async def request(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] = NO_QUERY,
        body: object | bytes | None = None,
        content_type: str = "application/json",
        timeout: float = 30.0,  # noqa: ASYNC109
        verb: str = "",
    ) -> bytes:
        async def effect() -> bytes:
            return await self._inner.request(
                method, path, query=query, body=body, content_type=content_type, verb=verb
            )

        try:
            async with asyncio.timeout(timeout):
                return await self._carried(method, path, body, effect)
        except TimeoutError:
            raise _no_answer(method, path, "Timeout") from None

    async def _carried(self, method: str, path: str, body: object, effect: Effect) -> bytes:
        self._check_life(method, path)
        await self._travel()
        self._check_life(method, path)
        write = method in WRITES and "/leases" not in path
        if write and self._weather.fires("kill-before-write"):
            await self._end()
        if write and isinstance(body, bytes) and _ARMS in body:
            await self._end_before_arming()
        if write:
            await self._stop_before()
        self._refuse(method, path, write)
        self._refuse_payload(method, path, body)
        if write and "manifestworks" in path and self._weather.fires("write-lands-late"):
            self._later(effect)
            await asyncio.sleep(1000)
        if method == "PATCH" and path.startswith(paths.MANAGED_CLUSTERS):
            await self._take_label(path, body)
        follows = method == "POST" and isinstance(body, bytes) and _FOLLOWS in body
        if follows:
            await self._before_follow_up(method, path, body)
        answer = await effect()
        if write and self._weather.fires("kill-after-write"):
            await self._end()
        if follows and self._weather.fires("kill-after-follow-up"):
            await self._end()
        await self._travel()
        self._check_life(method, path)
        if write and self._weather.holds("answer-lost") and self._rng.random() < 0.5:
            await self._lose_answer(method, path)
        return answer

    def _check_life(self, method: str, path: str) -> None:
        if self.dead:
            raise _no_answer(method, path, "Killed")

    async def _stop_before(self) -> None:
        """Stops the process (SIGSTOP) at the worst moment: everything is checked, and nothing
        sent."""
        fault = self._weather.shot("pause-before-write")
        if fault is not None and self._weather.fires(fault.kind):
            self._process.pause_for(max(fault.seconds, 60.0))
            await asyncio.sleep(0)

    async def _end_before_arming(self) -> None:
        """Ends the process when the intent is in the journal, and the hub does not know of it."""
        if self._weather.fires("kill-before-arming"):
            await self._end()

    async def _end(self) -> None:
        self._die()
        await asyncio.sleep(1_000_000)

    async def _travel(self) -> None:
        wait = latency(self._rng)
        if self._weather.holds("hub-slow"):
            wait += self._rng.uniform(0.5, 6.0)
        await asyncio.sleep(wait)

    def _refuse(self, method: str, path: str, write: bool) -> None:
        weather, rng = self._weather, self._rng
        if weather.holds("hub-away"):
            raise _no_answer(method, path, "ConnectionFailed")
        if weather.holds("hub-throttles") and rng.random() < 0.6:
            raise HubError(429, "TooManyRequests", "try again", 2.0, method=method, path=path)
        if weather.holds("hub-errors") and rng.random() < 0.5:
            status = rng.choice((500, 503, 504))
            raise HubError(status, "InternalError", "etcd has no leader", method=method, path=path)
        if write and weather.fires("write-refused"):
            words = "admission webhook denied the request"
            raise HubError(422, "Invalid", words, method=method, path=path)
        if write and weather.holds("write-forbidden"):
            raise HubError(403, "Forbidden", "not allowed", method=method, path=path)

    def _refuse_payload(self, method: str, path: str, body: object) -> None:
        source = "/configmaps/" in path or "/secrets/" in path
        if source and self._weather.holds("payload-forbidden"):
            raise HubError(403, "Forbidden", "not allowed", method=method, path=path)
        work = method == "POST" and "/manifestworks" in path
        carries = work and isinstance(body, bytes) and _PAYLOAD in body
        if carries and self._weather.holds("payload-refused"):
            words = "admission webhook denied the request: too much"
            raise HubError(422, "Invalid", words, method=method, path=path)

    async def _before_follow_up(self, method: str, path: str, body: object) -> None:
        """Ends or stops the process between the journal's record of a new rollout and its creation,
        takes its name, or refuses it."""
        if self._weather.fires("kill-before-follow-up"):
            await self._end()
        fault = self._weather.shot("pause-before-follow-up")
        if fault is not None and self._weather.fires(fault.kind):
            self._process.pause_for(fault.seconds)
            await asyncio.sleep(0)
            self._check_life(method, path)
        if self._weather.holds("follow-up-forbidden"):
            words = 'imagebasedgroupupgrades is forbidden: User "ibgu" cannot create resource'
            raise HubError(403, "Forbidden", words, method=method, path=path)
        if self._weather.fires("follow-up-taken"):
            await self._take_name(path, body)

    async def _take_name(self, path: str, body: object) -> None:
        """Creates, as a person who is quicker, an object of that name that selects nobody."""
        assert isinstance(body, bytes)
        found = json.decode(body)
        metadata = {key: found["metadata"][key] for key in ("name", "namespace")}
        nobody = [{"matchLabels": {"name": "nobody"}}]
        spec = {**found["spec"], "clusterLabelSelectors": nobody}
        person = MemoryClient(self._inner._hub, "people")
        await person.request("POST", path, body={**found, "metadata": metadata, "spec": spec})

    def _later(self, effect: Effect) -> None:
        """Delays the request, which arrives when nobody waits for it any more."""

        async def land() -> None:
            await asyncio.sleep(self._rng.uniform(16.0, 90.0))
            try:
                await effect()
            except HubError:
                return

        self._weather.keep(asyncio.create_task(land()))

    async def _take_label(self, path: str, body: object) -> None:
        """Sets, as a person who is quicker, the very label that is about to be written."""
        assert isinstance(body, bytes)
        labels = json.decode(body)["metadata"].get("labels")
        if not labels or not self._weather.fires("label-taken"):
            return
        taken = {"metadata": {"labels": {next(iter(labels)): "taken"}}}
        person = MemoryClient(self._inner._hub, "people")
        await person.request("PATCH", path, body=taken, content_type=paths.MERGE_PATCH)

    async def _lose_answer(self, method: str, path: str) -> None:
        if self._rng.random() < 0.5:
            await asyncio.sleep(1000)
        raise HubError(500, "InternalError", "lost the answer", method=method, path=path)

    # -- watches ---------------------------------------------------------------------------------

    @asynccontextmanager
    async def stream(
        self,
        path: str,
        *,
        query: Mapping[str, str],
        timeout: float,  # noqa: ASYNC109
        total: float | None = None,
    ) -> AsyncIterator[AsyncIterator[bytes]]:
        self._check_life("WATCH", path)
        await self._travel()
        self._refuse("WATCH", path, write=False)
        async with self._inner.stream(path, query=query, timeout=timeout, total=total) as lines:
            pipe = _Pipe(lines)
            self._pipes.append(pipe)
            try:
                yield self._lines(pipe, path, timeout)
            finally:
                self._pipes.remove(pipe)
                await pipe.close()

    async def _lines(self, pipe: "_Pipe", path: str, silence: float) -> AsyncIterator[bytes]:
        while (line := await pipe.next()) is not None:
            self._check_life("WATCH", path)
            await self._deliver(path, silence)
            if pipe.broken or self._weather.holds("hub-away"):
                break
            yield line
            if self._weather.holds("watch-repeats") and self._rng.random() < 0.3:
                yield line
        if pipe.broken or self._weather.holds("hub-away"):
            raise _no_answer("WATCH", path, "ConnectionFailed")

    async def _deliver(self, path: str, silence: float) -> None:
        """Delivers lines late and in one burst; or never, until someone notices."""
        weather = self._weather
        if weather.holds("watch-silent"):
            await asyncio.sleep(silence)
            raise _no_answer("WATCH", path, "Timeout")
        if weather.holds("watch-late"):
            await asyncio.sleep(weather.until("watch-late") - asyncio.get_running_loop().time())
        elif self._rng.random() < 0.1:
            await asyncio.sleep(latency(self._rng))


class _Pipe:
    """_Pipe holds lines on their way; what is in it when it breaks is lost."""

    def __init__(self, lines: AsyncIterator[bytes]) -> None:
        self._waiting: deque[bytes] = deque()
        self._handlers = asyncio.Event()
        self._source = asyncio.create_task(self._pump(lines))
        self.broken = False

    async def _pump(self, lines: AsyncIterator[bytes]) -> None:
        try:
            async for line in lines:
                self._waiting.append(line)
                self._handlers.set()
        finally:
            self._handlers.set()

    def break_off(self) -> None:
        self.broken = True
        self._handlers.set()

    async def next(self) -> bytes | None:
        """Returns the next line; None at the end. Raises what ended it otherwise."""
        while not (self.broken or self._waiting):
            if self._source.done():
                self._source.result()
                return None
            self._handlers.clear()
            await self._handlers.wait()
        return None if self.broken else self._waiting.popleft()

    async def close(self) -> None:
        self._source.cancel()
        await asyncio.wait({self._source})
        if not self._source.cancelled():
            self._source.exception()


def _no_answer(method: str, path: str, reason: str) -> HubError:
    return HubError(TRANSPORT, reason, "no answer", method=method, path=path)

"""Connects to a hub in memory, behind the same port as the real one."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from types import TracebackType
from typing import Self

import msgspec

from ibgu.core.model.kinds import JsonObject
from ibgu.hub.client import VERBS
from ibgu.hub.errors import TRANSPORT, HubError, read_error
from ibgu.hub.paths import resource
from ibgu.hub.port import NO_QUERY, Hub
from ibgu.sim.hub.answers import RefusedRequest
from ibgu.sim.hub.server import MemoryHub, ServedRequest
from ibgu.sim.hub.watch import Watch

BOOKMARK_EVERY = 60.0
"""Seconds."""


class MemoryClient(Hub):
    def __init__(self, hub: MemoryHub, who: str = "ibgu") -> None:
        """`who`: as a User-Agent; what comes before its slash is the field manager."""
        self._hub = hub
        self._who = who
        self.requests: Counter[tuple[str, str]] = Counter()
        self.sent: Counter[tuple[str, str]] = Counter()

    @property
    def url(self) -> str:
        return self._hub.url

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        return

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
        await asyncio.sleep(0)
        data = body if body is None or isinstance(body, bytes) else msgspec.json.encode(body)
        asked = ServedRequest(method, path, query, data, content_type, self._who)
        outcome = 200
        try:
            return self._hub.handle(asked)
        except RefusedRequest as refused:
            outcome = refused.code
            raise _error(refused, method, path) from None
        finally:
            self.requests[verb or VERBS[method], f"{outcome // 100}xx"] += 1
            if data is not None:
                self.sent[verb or VERBS[method], resource(path)] += len(data)

    @asynccontextmanager
    async def stream(
        self,
        path: str,
        *,
        query: Mapping[str, str],
        timeout: float,  # noqa: ASYNC109
        total: float | None = None,
    ) -> AsyncIterator[AsyncIterator[bytes]]:
        await asyncio.sleep(0)
        try:
            watch = self._hub.watch(path, query)
        except RefusedRequest as refused:
            self.requests["watch", f"{refused.code // 100}xx"] += 1
            raise _error(refused, "WATCH", path) from None
        self.requests["watch", "2xx"] += 1
        try:
            yield _lines(watch, path, _Times(query, timeout, total))
        finally:
            watch.end()


class _Times:
    """_Times holds when the server sends something by itself, and when it, or we, end the watch."""

    def __init__(self, query: Mapping[str, str], silence: float, total: float | None) -> None:
        self._loop = asyncio.get_running_loop()
        now = self._loop.time()
        self._silence = silence
        self._bookmarks = query.get("allowWatchBookmarks") == "true"
        self.ends = now + float(query.get("timeoutSeconds", "1800"))
        self.given_up = now + total if total is not None else float("inf")
        self.heard()

    def heard(self) -> None:
        now = self._loop.time()
        self.bookmark = now + BOOKMARK_EVERY if self._bookmarks else float("inf")
        self.dead = now + self._silence

    @property
    def next(self) -> float:
        return min(self.ends, self.given_up, self.bookmark, self.dead)

    @property
    def now(self) -> float:
        return self._loop.time()


async def _lines(watch: Watch, path: str, times: _Times) -> AsyncIterator[bytes]:
    while True:
        if watch.broken:
            raise HubError(TRANSPORT, "ConnectionFailed", "cut", method="WATCH", path=path)
        while watch.lines:
            times.heard()
            yield watch.lines.popleft()
        if watch.ended:
            return
        watch.news.clear()
        if await _rang(watch.news, times.next) and _over(watch, path, times):
            return


async def _rang(news: asyncio.Event, at: float) -> bool:
    """Waits, and returns whether that time came before or with any news; `asyncio.timeout_at` costs
    more than the line that it waits for."""
    rang = False

    def ring() -> None:
        nonlocal rang
        rang = True
        news.set()

    alarm = asyncio.get_running_loop().call_at(at, ring)
    try:
        await news.wait()
    finally:
        alarm.cancel()
    return rang


def _over(watch: Watch, path: str, times: _Times) -> bool:
    """Returns whether the server ends the watch; otherwise it sends a bookmark."""
    if times.now >= times.ends:
        return True
    if times.now >= min(times.dead, times.given_up):
        raise HubError(TRANSPORT, "Timeout", "no answer in time", method="WATCH", path=path)
    watch.bookmark()
    return False


def _error(refused: RefusedRequest, method: str, path: str) -> HubError:
    body: JsonObject = refused.body
    data = msgspec.json.encode(body)
    return read_error(refused.code, "", data, None, method=method, path=path)

"""Sends server-sent events to one client: what it may read, a heartbeat, and an end."""

import asyncio
from collections.abc import Collection, Coroutine
from contextlib import AbstractContextManager, suppress
from typing import Any, Protocol

from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from ibgu import telemetry
from ibgu.api.http.connections import ABORT
from ibgu.api.http.server import CLOSING
from ibgu.api.problems import Problem
from ibgu.api.stream.feed import Feed, Follower, FollowerBehind
from ibgu.api.stream.ring import RingPart
from ibgu.db import JournalUnavailable
from ibgu.hub.errors import HubError

HEARTBEAT_SECONDS = 15.0
RENEW_SECONDS = 25.0
"""Seconds between two checks whether the client may still have the stream. With the age of the
answer (CACHE_SECONDS of `hub.authorization.access`) a revoked token lives for less than 60
seconds."""
END_SECONDS = 1.0
"""Seconds for the client to take the end of the stream."""
SENT_BYTES = 32 * 1024
"""Bytes sent at a time: what a client does not take is not copied for it."""
_SHORT = 0.001
HEARTBEAT = b": still here\n\n"
_HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}


class StreamReader(Protocol):
    """StreamReader is the reader of a stream."""

    async def renew(self) -> None:
        """Raises Problem once the audience may not read the stream any more."""

    async def namespaces(self) -> Collection[str] | None:
        """Returns the namespaces whose rollouts the audience may read; None: all."""

    async def may_read_events(self, rollout: str) -> bool:
        """Returns whether the audience may read the rollout, a uid."""


class EventStream(Response):
    media_type = "text/event-stream"

    def __init__(
        self,
        feed: Feed,
        audience: StreamReader,
        place: AbstractContextManager[None],
        *,
        after: int | None,
        rollout: str | None = None,
    ) -> None:
        """`place`: raises Problem if none is left. `rollout` is a uid; None: of all rollouts."""
        super().__init__(headers=_HEADERS)
        del self.headers["Content-Length"]
        self._feed = feed
        self._audience = audience
        self._place = place
        self._after = after
        self._rollout = rollout

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        with self._place:
            async with self._feed.follow(
                self._after, self._rollout, self._audience.namespaces
            ) as follower:
                await send(
                    {
                        "type": "http.response.start",
                        "status": self.status_code,
                        "headers": self.raw_headers,
                    }
                )
                await self._follow(follower, scope, receive, send)

    async def _follow(self, follower: Follower, scope: Scope, receive: Receive, send: Send) -> None:
        """Sends until either side ends the stream; a client that does not read is disconnected."""
        state = scope.get("state", {})
        closing: asyncio.Event = state.get(CLOSING) or asyncio.Event()
        endings = (self._send_events(follower, send), self._renew(), closing.wait(), _gone(receive))
        if not (await _first(*endings) is not None and await _ended(send)):
            telemetry.API_REFUSED.labels("slow-stream").inc()
            state.get(ABORT, _nothing)()

    async def _send_events(self, follower: Follower, send: Send) -> bool | None:
        """Sends events until it can't; returns None if the client does not take them."""
        clock = asyncio.get_running_loop().time
        beat_at = clock()
        try:
            while True:
                part = await follower.next(max(beat_at - clock(), _SHORT))
                body = part.body(await self._readable_part(part))
                del part
                if body or clock() >= beat_at:
                    await _send(send, body or HEARTBEAT)
                    beat_at = clock() + HEARTBEAT_SECONDS
        except (Problem, HubError, JournalUnavailable):
            return True
        except FollowerBehind:
            return None

    async def _renew(self) -> bool:
        """Returns once the audience may not read the stream any more, also without new events."""
        try:
            while True:
                await asyncio.sleep(RENEW_SECONDS)
                await self._audience.renew()
        except (Problem, HubError):
            return True

    async def _readable_part(self, part: RingPart) -> frozenset[str]:
        wanted = part.rollouts if self._rollout is None else part.rollouts & {self._rollout}
        return frozenset([each for each in wanted if await self._audience.may_read_events(each)])


async def _send(send: Send, body: bytes) -> None:
    for begin in range(0, len(body), SENT_BYTES):
        sent = body[begin : begin + SENT_BYTES]
        await send({"type": "http.response.body", "body": sent, "more_body": True})


async def _ended(send: Send) -> bool:
    """Returns whether the client has taken all before the end."""
    with suppress(TimeoutError):
        async with asyncio.timeout(END_SECONDS):
            await send({"type": "http.response.body", "body": b""})
            return True
    return False


async def _gone(receive: Receive) -> bool:
    """Returns once the client has gone, or sends an unexpected body."""
    with suppress(HTTPException):
        while (await receive())["type"] != "http.disconnect":
            pass
    return True


def _nothing() -> None:
    """Does nothing, if there is no connection to cut."""


async def _first(*endings: Coroutine[Any, Any, bool | None]) -> bool | None:
    """Returns the result of the first to end, and cancels the others."""
    tasks = [asyncio.ensure_future(each) for each in endings]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        return next(iter(done)).result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

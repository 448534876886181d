"""Server-sent events to one client: what it may hear, a heartbeat, and an end."""

import asyncio
from collections.abc import Coroutine
from typing import Any, Protocol

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from ibgu.api.problems import Problem
from ibgu.api.server import CLOSING
from ibgu.api.stream.feed import Behind, Feed, Follower
from ibgu.api.stream.ring import Part
from ibgu.db import JournalAway
from ibgu.hub.errors import HubError

HEARTBEAT_SECONDS = 15.0
RENEW_SECONDS = 60.0
"""How long a token or right that was taken away is still honoured."""
SLOW_SECONDS = 10.0
"""A client that takes nothing for so long is cut; it may come back and go on where it was."""
_SHORT = 0.001
HEARTBEAT = b": still here\n\n"
_HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}


class Audience(Protocol):
    """Who listens."""

    async def renew(self) -> None:
        """Raises Problem once they may not listen any more."""

    async def may_hear(self, rollout: str) -> bool:
        """`rollout` is a uid."""

    async def discreet(self, body: bytes) -> bytes:
        """Events without the names that they may not hear."""


class EventStream(Response):
    media_type = "text/event-stream"

    def __init__(
        self, feed: Feed, audience: Audience, *, after: int | None, rollout: str | None = None
    ) -> None:
        """`rollout` is a uid; None: of all rollouts."""
        super().__init__(headers=_HEADERS)
        del self.headers["Content-Length"]
        self._feed = feed
        self._audience = audience
        self._after = after
        self._rollout = rollout

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async with self._feed.follow(self._after, self._rollout) as follower:
            await send(
                {
                    "type": "http.response.start",
                    "status": self.status_code,
                    "headers": self.raw_headers,
                }
            )
            closing: asyncio.Event = scope.get("state", {}).get(CLOSING) or asyncio.Event()
            if await _first(self._tell(follower, send), closing.wait(), _gone(receive)) is not None:
                await send({"type": "http.response.body", "body": b""})

    async def _tell(self, follower: Follower, send: Send) -> bool | None:
        """Until they may not listen any more, or nobody can tell; None: they do not take it."""
        clock = asyncio.get_running_loop().time
        beat_at, renew_at = clock(), clock() + RENEW_SECONDS
        try:
            while True:
                part = await follower.next(max(beat_at - clock(), _SHORT))
                if clock() > renew_at:
                    await self._audience.renew()
                    renew_at = clock() + RENEW_SECONDS
                body = await self._audience.discreet(part.body(await self._heard(part)))
                if body or clock() >= beat_at:
                    await _send(send, body or HEARTBEAT)
                    beat_at = clock() + HEARTBEAT_SECONDS
        except (Problem, HubError, JournalAway):
            return True
        except (Behind, TimeoutError):
            return None

    async def _heard(self, part: Part) -> frozenset[str]:
        wanted = part.rollouts if self._rollout is None else part.rollouts & {self._rollout}
        return frozenset([each for each in wanted if await self._audience.may_hear(each)])


async def _send(send: Send, body: bytes) -> None:
    async with asyncio.timeout(SLOW_SECONDS):
        await send({"type": "http.response.body", "body": body, "more_body": True})


async def _gone(receive: Receive) -> None:
    """Until the client has gone."""
    while (await receive())["type"] != "http.disconnect":
        pass


async def _first(*endings: Coroutine[Any, Any, bool | None]) -> bool | None:
    """What ends first says how it ended; the others are stopped."""
    tasks = [asyncio.ensure_future(each) for each in endings]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        return next(iter(done)).result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

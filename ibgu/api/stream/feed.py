"""One reader of the hub's history per process: woken by Postgres, and every few seconds anyway.

It reads while somebody follows. Each follower goes at its own pace: from the journal until it has
caught up, then from memory. Nobody waits for anybody.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import structlog
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from ibgu.api.stream.ring import CAPACITY, Part, Ring, item, short
from ibgu.db import JournalAway
from ibgu.db.listening import listening
from ibgu.db.reads import Reads

log = structlog.get_logger("ibgu.api")

POLL_SECONDS = 5.0
PAGE = 500
CATCH_UP = 150
"""Events that a follower reads from the journal at a time; commonly so many are told at a time."""
CATCHING_UP = 3
"""Followers that read from the journal at a time: the other connections to it are for requests."""
SPREAD_SECONDS = 0.0002
LONGEST_SPREAD = 0.25
"""After each look at the journal, for each follower, and at most: to wake hundreds of them costs
more than to tell them several commits at once. What comes after silence is told at once."""


class Behind(Exception):
    """Events that the follower has not taken are gone from memory."""


class Feed:
    def __init__(self, engine: AsyncEngine, hub: str, capacity: int = CAPACITY) -> None:
        self._engine = engine
        self.reads = Reads(engine, hub)
        self._capacity = capacity
        self.ring: Ring | None = None
        self._followers = 0
        self._reading: asyncio.Task[None] | None = None
        self._woken = asyncio.Event()
        self._news = asyncio.Event()
        self._namespaces: dict[str, str] = {}
        self.catching_up = asyncio.Semaphore(CATCHING_UP)

    @asynccontextmanager
    async def follow(self, after: int | None, rollout: str | None) -> AsyncIterator["Follower"]:
        """From an event on, None: from now on; of a rollout, None: of all. Raises JournalAway."""
        newest = await self.reads.last_seq()
        begin = newest if after is None else min(after, newest)
        self._followers += 1
        if self._reading is None:
            self.ring = Ring(newest, self._capacity)
            self._reading = asyncio.create_task(self._read())
        try:
            assert self.ring is not None
            yield Follower(self, self.ring, begin, rollout)
        finally:
            self._followers -= 1
            if not self._followers:
                await self._stop()

    async def wait(self, seconds: float) -> None:
        """Until there may be something new."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._news.wait()

    async def namespace(self, rollout: str) -> str | None:
        """A rollout never changes its namespace."""
        if rollout not in self._namespaces:
            self._namespaces |= await self.reads.namespaces_of([rollout])
        return self._namespaces.get(rollout)

    async def _stop(self) -> None:
        reading, self._reading = self._reading, None
        if reading is not None:
            reading.cancel()
            await asyncio.wait({reading})

    async def _read(self) -> None:
        while True:
            lost = asyncio.Event()

            def end(lost: asyncio.Event = lost) -> None:
                lost.set()
                self._woken.set()

            try:
                async with listening(self._engine, self.reads.hub, self._woken.set, end):
                    await self._follow_commits(lost)
            except (JournalAway, DBAPIError) as error:
                log.warning("the stream of events waits", error=str(error))
            except Exception:
                # Whatever it was: who follows must not be told "still here" by nobody for ever.
                log.exception("the stream of events begins anew")
            if not lost.is_set():
                await asyncio.sleep(POLL_SECONDS)

    async def _follow_commits(self, lost: asyncio.Event) -> None:
        while not lost.is_set():
            self._woken.clear()
            await self._take()
            await asyncio.sleep(min(self._followers * SPREAD_SECONDS, LONGEST_SPREAD))
            with suppress(TimeoutError):
                async with asyncio.timeout(POLL_SECONDS):
                    await self._woken.wait()

    async def _take(self) -> None:
        assert self.ring is not None
        while rows := (await self.reads.news(self.ring.seq, limit=PAGE)).items:
            self.ring.add(rows)
            told, self._news = self._news, asyncio.Event()
            told.set()


class Follower:
    """One reader's place in the history."""

    def __init__(self, feed: Feed, ring: Ring, seq: int, rollout: str | None) -> None:
        self._feed = feed
        self._ring = ring
        self._seq = seq
        self._rollout = rollout
        self._live = False
        self._page = CATCH_UP

    async def next(self, seconds: float) -> Part:
        """What comes next, of all rollouts; empty after so many seconds without news. Raises
        Behind."""
        found = self._ring.after(self._seq)
        if found is not None and not found.items and self._live:
            await self._feed.wait(seconds)
            found = self._ring.after(self._seq)
        if found is None:
            return await self._from_journal()
        self._live = True
        if found.items:
            self._seq = found.items[-1].seq
        return found

    async def _from_journal(self) -> Part:
        """Who was up to date once, and is out of reach now, takes too slowly what is sent."""
        if self._live:
            raise Behind
        known = self._ring.seq
        async with self._feed.catching_up:
            news = self._feed.reads.news(self._seq, rollout=self._rollout, limit=self._page)
            found = await news
            part = Part(short(map(item, found.items)))
        told = len(part.items)
        last = part.items[-1].seq if told else 0
        more = found.next is not None or told < len(found.items)
        self._seq = last if more else max(known, last)
        self._page = min(CATCH_UP, 2 * told + 1)
        return part

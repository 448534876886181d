"""Reads the hub's history once per process: woken by Postgres, and every few seconds anyway.

It reads while someone follows. Each follower goes at its own speed: from the journal until it has
caught up, then from memory. No reader waits for another.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from contextlib import asynccontextmanager, suppress

import structlog
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from ibgu.api.http.concurrency import RequestsInProgress
from ibgu.api.stream.ring import CAPACITY, Ring, RingPart, item, short
from ibgu.api.stream.waking import WaitingFollowers
from ibgu.db import JournalUnavailable
from ibgu.db.listening import listening
from ibgu.db.reads import Reads

log = structlog.get_logger("ibgu.api")

POLL_SECONDS = 5.0
PAGE = 500
CATCH_UP = 150
"""Events that a follower reads from the journal at a time; usually so many are sent at a time."""
SPAN = 20_000
"""The most events that are looked through at a time for those of some namespaces."""
CATCHING_UP = 3
"""Followers that read from the journal concurrently: its other connections are for requests."""
SPREAD_SECONDS = 0.0002
MAX_SPREAD = 0.25
"""The longest delay in seconds between two rounds of waking, which grows per follower: waking
hundreds of them costs more than sending them several commits at once. The first round after silence
begins at once."""


NamespacesOfReader = Callable[[], Awaitable[Collection[str] | None]]
"""Returns the namespaces whose rollouts a reader may read; None: all."""


class FollowerBehind(Exception):
    """FollowerBehind: events that the follower has not taken are gone from memory."""


class Feed:
    def __init__(
        self,
        engine: AsyncEngine,
        hub: str,
        in_progress: RequestsInProgress,
        capacity: int = CAPACITY,
    ) -> None:
        self._engine = engine
        self.waiting = WaitingFollowers(in_progress)
        self.reads = Reads(engine, hub)
        self._capacity = capacity
        self.ring: Ring | None = None
        self._followers = 0
        self._reading: asyncio.Task[None] | None = None
        self._woken = asyncio.Event()
        self._namespaces: dict[str, str] = {}
        self.catching_up = asyncio.Semaphore(CATCHING_UP)

    @asynccontextmanager
    async def follow(
        self, after: int | None, rollout: str | None, namespaces: NamespacesOfReader
    ) -> AsyncIterator["Follower"]:
        """Follows from an event on (None: from now on), of one rollout (None: of all in
        `namespaces`). Raises JournalUnavailable."""
        newest = await self.reads.last_seq()
        begin = newest if after is None else min(after, newest)
        self._followers += 1
        if self._reading is None:
            self.ring = Ring(newest, self._capacity)
            self._reading = asyncio.create_task(self._read())
        try:
            assert self.ring is not None
            yield Follower(self, self.ring, begin, rollout, namespaces)
        finally:
            self._followers -= 1
            if not self._followers:
                await self._stop()

    async def namespace(self, rollout: str) -> str | None:
        """Returns the rollout's namespace, which never changes."""
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
            except (JournalUnavailable, DBAPIError) as error:
                log.warning("the stream of events is waiting", error=str(error))
            except Exception:
                # Whatever the error: followers must not get heartbeats for ever with nothing behind
                # them.
                log.exception("the stream of events starts again")
            if not lost.is_set():
                await asyncio.sleep(POLL_SECONDS)

    async def _follow_commits(self, lost: asyncio.Event) -> None:
        while not lost.is_set():
            self._woken.clear()
            paused = await self._take()
            spread = min(self._followers * SPREAD_SECONDS, MAX_SPREAD)
            await asyncio.sleep(max(0.0, spread - paused))
            with suppress(TimeoutError):
                async with asyncio.timeout(POLL_SECONDS):
                    await self._woken.wait()

    async def _take(self) -> float:
        """Reads what is new, and wakes the followers. Returns the seconds that it paused
        meanwhile."""
        assert self.ring is not None
        paused, more = 0.0, True
        while more:
            found = await self.reads.events_after(self.ring.seq, limit=PAGE)
            more = found.next is not None
            if found.items:
                self.ring.add(found.items)
                paused += await self.waiting.wake()
        return paused


class Follower:
    """Follower is one reader's place in the history."""

    def __init__(
        self,
        feed: Feed,
        ring: Ring,
        seq: int,
        rollout: str | None,
        namespaces: NamespacesOfReader,
    ) -> None:
        self._feed = feed
        self._ring = ring
        self._seq = seq
        self._rollout = rollout
        self._namespaces = namespaces
        self._live = False
        self._page = CATCH_UP

    async def next(self, seconds: float) -> RingPart:
        """Returns the next events of all rollouts; empty after so many seconds without any. Raises
        FollowerBehind."""
        found = self._ring.after(self._seq)
        if found is not None and not found.items and self._live:
            await self._feed.waiting.wait(seconds)
            found = self._ring.after(self._seq)
        if found is None:
            return await self._from_journal()
        self._live = True
        if found.items:
            self._seq = found.items[-1].seq
        return found

    async def _from_journal(self) -> RingPart:
        """Reads from the journal; a follower that was up to date before and is out of range now
        reads too slowly."""
        if self._live:
            raise FollowerBehind
        until = self._ring.seq
        # Asked after `until`: events of a namespace that is new meanwhile are not left out.
        namespaces = await self._namespaces() if self._rollout is None else None
        if namespaces is not None and not namespaces:
            self._seq = until
            return RingPart(())
        if namespaces is not None:
            until = min(until, self._seq + SPAN)
        async with self._feed.catching_up:
            found = await self._feed.reads.events_after(
                self._seq,
                until=until,
                rollout=self._rollout,
                namespaces=namespaces,
                limit=self._page,
            )
            part = RingPart(short(map(item, found.items)))
        count = len(part.items)
        last = part.items[-1].seq if count else 0
        more = found.next is not None or count < len(found.items)
        self._seq = last if more else until
        self._page = min(CATCH_UP, 2 * count + 1)
        return part

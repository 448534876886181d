"""Puts the real Postgres behind faults: away, slow, refusing a commit, leaving one in doubt."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import ExitStack, asynccontextmanager
from contextvars import Context
from functools import partial
from typing import Any, Protocol

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
from sqlalchemy.pool import PoolProxiedConnection

from tests.simulation.loop import VirtualTimeLoop


class JournalFaults(Protocol):
    """JournalFaults may happen to a journal call; each raises, waits or does nothing."""

    async def before_call(self) -> None: ...

    def stops_inside(self) -> bool: ...

    async def stop_inside(self) -> None: ...

    async def before_commit(self) -> None: ...

    async def after_commit(self, *, turn: bool) -> None: ...


IDLE = 10.0
"""Virtual seconds after which the server ends a session whose client is stopped: like a database
that fails over, or `idle_in_transaction_session_timeout`, which is in real seconds."""


class CallQueue:
    """CallQueue admits one journal call at a time and stops time for it, so that its order and
    length do not depend on the machine.

    When a process is stopped inside its statement, the server holds locks for it. Anyone who needs
    them waits in virtual time until the server has ended that session: in a real wait no virtual
    time would pass, so it would end only by its own timeout.
    """

    def __init__(self) -> None:
        self.lock = asyncio.Lock()
        self._free = asyncio.Event()
        self._free.set()

    async def pass_through(self) -> None:
        while True:
            await self._free.wait()
            await self.lock.acquire()
            if self._free.is_set():
                return
            self.lock.release()

    def bar(self, session: Any) -> None:
        """The server holds locks for the session (asyncpg's), and its client is stopped."""
        self._free.clear()
        # Not in the context of the stopped process: nothing would run it.
        Context().run(asyncio.get_running_loop().call_later, IDLE, self._end, session)

    def _end(self, session: Any) -> None:
        session.terminate()
        self._free.set()


class _Pass:
    """_Pass is the right of one call to use the real world."""

    def __init__(self, turnstile: CallQueue) -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualTimeLoop)
        self._loop = loop
        self._turnstile = turnstile
        self._held = ExitStack()

    async def take(self) -> None:
        await self._turnstile.pass_through()
        self._held.callback(self._turnstile.lock.release)
        self._held.enter_context(self._loop.real_io())

    def give(self) -> None:
        self._held.close()

    def bar(self, session: Any) -> None:
        self._turnstile.bar(session)

    async def take_again(self) -> None:
        """Takes the pass again, even if the call is cancelled while it waits: then it only has to
        disconnect."""
        try:
            await self.take()
        except asyncio.CancelledError:
            self._held.enter_context(self._loop.real_io())
            raise


class FaultyEngine:
    """FaultyEngine stands for the AsyncEngine of one process."""

    def __init__(
        self,
        engine: AsyncEngine,
        faults: JournalFaults,
        turnstile: CallQueue,
        committed: Callable[[bool], None],
    ) -> None:
        """`committed` is called after every commit, before its response: True for that of `begin`,
        by which a controller takes the lead."""
        self._engine = engine
        self._faults = faults
        self._turnstile = turnstile
        self._committed = committed

    @asynccontextmanager
    async def connect(self, *, leads: bool = False) -> AsyncIterator[Any]:
        await self._faults.before_call()
        here = _Pass(self._turnstile)
        await here.take()
        try:
            async with self._engine.connect() as db:
                yield _Connection(db, self._commit(here, turn=not leads))
        finally:
            here.give()

    async def raw_connection(self) -> "_Lent":
        await self._faults.before_call()
        here = _Pass(self._turnstile)
        await here.take()
        try:
            return _Lent(await self._engine.raw_connection(), here, self._commit(here, turn=True))
        except BaseException:
            here.give()
            raise

    def _commit(self, here: _Pass, *, turn: bool) -> "_Commit":
        """`turn`: decisions are written by it, else a lead is taken."""
        return _Commit(self._faults, here, partial(self._committed, not turn), turn=turn)

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[Any]:
        async with self.connect(leads=True) as db:
            yield db
            await db.commit()


class _Commit:
    """_Commit takes place or not; the faults decide what the caller learns of it."""

    def __init__(
        self, faults: JournalFaults, here: _Pass, committed: Callable[[], None], *, turn: bool
    ) -> None:
        self._faults = faults
        self._here = here
        self._committed = committed
        self._turn = turn

    async def before(self, session: Any) -> None:
        """`session` is asyncpg's connection."""
        if self._faults.stops_inside():
            self._here.bar(session)
            await self._out(self._faults.stop_inside)
        await self._out(self._faults.before_commit)

    async def after(self, *, wrote: bool = True) -> None:
        if wrote:
            self._committed()
        await self._out(partial(self._faults.after_commit, turn=self._turn))

    async def _out(self, act: Callable[[], Any]) -> None:
        """Runs `act` where virtual time may pass."""
        self._here.give()
        try:
            await act()
        finally:
            await self._here.take_again()


class _Connection:
    def __init__(self, db: AsyncConnection, commit: _Commit) -> None:
        self._db = db
        self._commit = commit

    def __getattr__(self, name: str) -> Any:
        return getattr(self._db, name)

    async def commit(self) -> None:
        await self._commit.before((await self._db.get_raw_connection()).driver_connection)
        await self._db.commit()
        await self._commit.after()


class _Lent:
    """_Lent is a pooled connection, with asyncpg's own."""

    def __init__(self, lent: PoolProxiedConnection, here: _Pass, commit: _Commit) -> None:
        self._lent = lent
        self._here = here
        self.driver_connection = _Driver(lent.driver_connection, commit)

    def invalidate(self) -> None:
        self._lent.invalidate()

    def close(self) -> None:
        self._lent.close()
        self._here.give()


class _Driver:
    """_Driver makes each single statement a transaction, so that something may happen before its
    end. A statement of the caller's own transaction is a trial, and never committed."""

    def __init__(self, session: Any, commit: _Commit) -> None:
        self._session = session
        self._commit = commit
        self._trial = False
        self.is_closed = session.is_closed

    def transaction(self) -> Any:
        self._trial = True
        return self._session.transaction()

    async def fetchrow(self, statement: str, *given: object) -> Any:
        if self._trial:
            return await self._session.fetchrow(statement, *given)
        async with self._session.transaction():
            row = await self._session.fetchrow(statement, *given)
            await self._commit.before(self._session)
        await self._commit.after(wrote=row is not None)
        return row

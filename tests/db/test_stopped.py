"""A process that is stopped while it deals with the journal: nobody waits for it long."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from ibgu.db import Journal, JournalUnavailable, LeadershipLost
from ibgu.db.journal import journal as journals
from ibgu.db.journal.fencing import ascend
from ibgu.db.journal.unreadable import load_readable
from ibgu.db.journal.write import write
from tests.db.conftest import HUB
from tests.db.records import members, opening, rollout, rows, started, starting, step

ONE = rollout()
FIRST = step(ONE)
(A,) = members(FIRST, "a")
PATIENCE = text("SET LOCAL idle_in_transaction_session_timeout = '2s'")
"""Instead of ten seconds."""
Act = Callable[..., Awaitable[Any]]
PARTS: dict[str, Act] = {"ascend": ascend, "load_readable": load_readable}


class Stop:
    """A place where anyone who comes by first sleeps until it is `woken`."""

    def __init__(self) -> None:
        self.reached, self.woken = asyncio.Event(), asyncio.Event()

    def before(self, act: Act) -> Act:
        async def stopped(db: Any, *given: Any) -> Any:
            await self._sleep(db)
            return await act(db, *given)

        return stopped

    def after(self, act: Act) -> Act:
        async def stopped(db: Any, *given: Any) -> Any:
            answer = await act(db, *given)
            await self._sleep(db)
            return answer

        return stopped

    async def _sleep(self, db: Any) -> None:
        if not self.reached.is_set():
            if isinstance(db, AsyncConnection):  # a commit has no transaction around it
                await db.execute(PATIENCE)
            self.reached.set()
            await self.woken.wait()


@pytest.mark.parametrize("when", [Stop.before, Stop.after], ids=["writes", "hears"])
async def test_a_stopped_leader_is_deposed_by_its_successor(
    db: AsyncEngine,
    journal: Journal,
    monkeypatch: pytest.MonkeyPatch,
    when: Callable[[Stop, Act], Act],
) -> None:
    await journal.commit(opening(ONE, FIRST, waiting=[A]))
    stop = Stop()
    monkeypatch.setattr(journals, "write", when(stop, write))
    changeset = starting(started(A, slot=1))
    writing = asyncio.create_task(journal.commit(changeset))
    await stop.reached.wait()
    new = Journal(db, HUB)
    await new.lead("ibgu-1")
    written = when is Stop.after
    assert (await new.load()).members == ((started(A, slot=1) if written else A),)
    stop.woken.set()
    if written:
        assert await writing == frozenset()
    else:
        with pytest.raises(LeadershipLost):
            await writing
    with pytest.raises(LeadershipLost):
        await journal.commit(starting(started(A, slot=1, run="another")))


@pytest.mark.parametrize("when", [Stop.before, Stop.after], ids=["writes", "hears"])
async def test_a_leader_that_nobody_followed_goes_on(
    journal: Journal,
    db: AsyncEngine,
    monkeypatch: pytest.MonkeyPatch,
    when: Callable[[Stop, Act], Act],
) -> None:
    """A commit is one statement: no transaction is left open that the server could end."""
    await journal.commit(opening(ONE, FIRST, waiting=[A]))
    stop = Stop()
    monkeypatch.setattr(journals, "write", when(stop, write))
    writing = asyncio.create_task(journal.commit(starting(started(A, slot=1))))
    await stop.reached.wait()
    open_ones = "SELECT count(*) FROM pg_stat_activity WHERE state = 'idle in transaction'"
    assert await rows(db, open_ones) == [(0,)]
    stop.woken.set()
    assert await writing == frozenset()
    assert (await journal.load()).members == (started(A, slot=1),)
    assert await rows(db, "SELECT seq FROM events ORDER BY seq") == [(1,), (2,), (3,)]


@pytest.mark.parametrize("part", PARTS)
async def test_while_it_takes_the_lead_or_loads(
    journal: Journal, db: AsyncEngine, monkeypatch: pytest.MonkeyPatch, part: str
) -> None:
    await journal.commit(opening(ONE, FIRST, waiting=[A]))
    stop, other = Stop(), Journal(db, HUB)
    monkeypatch.setattr(journals, part, stop.after(PARTS[part]))
    act: Coroutine[Any, Any, object]
    act = other.lead("ibgu-1") if part == "ascend" else other.load()
    doing = asyncio.create_task(act)
    await stop.reached.wait()
    await journal.commit(starting(started(A, slot=1)))
    stop.woken.set()
    if part == "ascend":
        with pytest.raises(JournalUnavailable):
            await doing
        assert await other.lead("ibgu-1") == 2
    else:
        await doing


async def _ended(db: AsyncEngine) -> None:
    """Waits until the server has lost its patience."""
    idle = "SELECT 1 FROM pg_stat_activity WHERE state = 'idle in transaction'"
    while True:
        if not await rows(db, idle):
            return
        await asyncio.sleep(0.05)


async def test_a_cancelled_load_ends_although_its_connection_is_lost(
    journal: Journal, db: AsyncEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The connection that is lost must not hide that the work was cancelled: a leader that went
    on without its Lease could write nothing, and no one else would lead."""
    await journal.commit(opening(ONE, FIRST, waiting=[A]))
    stop = Stop()
    monkeypatch.setattr(journals, "load_readable", stop.after(load_readable))
    loading = asyncio.create_task(journal.load())
    await stop.reached.wait()
    await _ended(db)
    loading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await loading

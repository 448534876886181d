"""A process that is stopped inside of a transaction: the server ends it, and nobody waits long."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from ibgu.db import Deposed, Journal, JournalAway
from ibgu.db.journal import journal as journals
from ibgu.db.journal.fencing import ascend
from ibgu.db.journal.load import load
from ibgu.db.journal.write import fill
from tests.db.conftest import HUB
from tests.db.records import members, opening, rollout, rows, started, starting, step

ONE = rollout()
FIRST = step(ONE)
(A,) = members(FIRST, "a")
PATIENCE = text("SET LOCAL idle_in_transaction_session_timeout = '300ms'")
"""Instead of ten seconds."""
Act = Callable[..., Awaitable[Any]]
PARTS: dict[str, Act] = {"ascend": ascend, "load": load}


class Stop:
    """Whoever comes by first sleeps until it is `woken`."""

    def __init__(self) -> None:
        self.reached, self.woken = asyncio.Event(), asyncio.Event()

    def before(self, act: Act) -> Act:
        async def stopped(db: AsyncConnection, *given: Any) -> Any:
            await self._sleep(db)
            return await act(db, *given)

        return stopped

    def after(self, act: Act) -> Act:
        async def stopped(db: AsyncConnection, *given: Any) -> Any:
            answer = await act(db, *given)
            await self._sleep(db)
            return answer

        return stopped

    async def _sleep(self, db: AsyncConnection) -> None:
        if not self.reached.is_set():
            await db.execute(PATIENCE)
            self.reached.set()
            await self.woken.wait()


async def _ended(db: AsyncEngine) -> None:
    """Until the server has lost its patience."""
    idle = "SELECT 1 FROM pg_stat_activity WHERE state = 'idle in transaction'"
    while True:
        if not await rows(db, idle):
            return
        await asyncio.sleep(0.05)


@pytest.mark.parametrize("when", [Stop.before, Stop.after], ids=["writes", "commits"])
async def test_its_successor_begins_and_it_learns_that_it_is_deposed(
    db: AsyncEngine,
    journal: Journal,
    monkeypatch: pytest.MonkeyPatch,
    when: Callable[[Stop, Act], Act],
) -> None:
    await journal.commit(opening(ONE, FIRST, waiting=[A]))
    stop = Stop()
    monkeypatch.setattr(journals, "fill", when(stop, fill))
    turn = starting(started(A, slot=1))
    writing = asyncio.create_task(journal.commit(turn))
    await stop.reached.wait()
    new = Journal(db, HUB)
    await new.lead("ibgu-1")
    assert (await new.load()).members == (A,)
    stop.woken.set()
    with pytest.raises(JournalAway):
        await writing
    with pytest.raises(Deposed):
        await journal.commit(turn)
    assert await new.commit(starting(started(A, slot=1))) == frozenset()


@pytest.mark.parametrize("when", [Stop.before, Stop.after], ids=["writes", "commits"])
async def test_a_leader_that_nobody_followed_goes_on(
    journal: Journal,
    db: AsyncEngine,
    monkeypatch: pytest.MonkeyPatch,
    when: Callable[[Stop, Act], Act],
) -> None:
    """With the very same turn, as after any other loss of the connection."""
    await journal.commit(opening(ONE, FIRST, waiting=[A]))
    stop = Stop()
    monkeypatch.setattr(journals, "fill", when(stop, fill))
    turn = starting(started(A, slot=1))
    writing = asyncio.create_task(journal.commit(turn))
    await stop.reached.wait()
    await _ended(db)
    stop.woken.set()
    with pytest.raises(JournalAway):
        await writing
    assert await journal.commit(turn) == frozenset()
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
        with pytest.raises(JournalAway):
            await doing
        assert await other.lead("ibgu-1") == 2
    else:
        await doing


async def test_whoever_loses_its_lease_meanwhile_ends(
    journal: Journal, db: AsyncEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The connection that is lost must not hide that the work was cancelled: a leader that went
    on without its Lease could write nothing, and nobody else would lead."""
    await journal.commit(opening(ONE, FIRST, waiting=[A]))
    stop = Stop()
    monkeypatch.setattr(journals, "fill", stop.after(fill))
    writing = asyncio.create_task(journal.commit(starting(started(A, slot=1))))
    await stop.reached.wait()
    await _ended(db)
    writing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await writing

"""Old events go after so many days, on a real journal."""

import asyncio
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from ibgu.controller.clock import Clock
from ibgu.controller.journal import retention
from ibgu.controller.journal.retention import Forget, Retention, old_events
from ibgu.core.model import Kind, OnRollout
from ibgu.db import Changeset, Journal, JournalUnavailable
from tests.core.engine.decide.builders import START, rollout_of
from tests.core.engine.decide.fleet import InMemoryEngine, ibgu
from tests.db.conftest import db, journal, leading
from tests.db.recording import tell
from tests.db.records import rows
from tests.oracle.certified import certify

__all__ = ["db", "journal", "leading"]

Leading = Callable[..., Coroutine[Any, Any, Journal]]
DAY = timedelta(days=1)


class FixedClock(Clock):
    """A clock that shows one time."""

    def __init__(self, now: datetime) -> None:
        self._now = now

    def now(self) -> datetime:
        return self._now


def story(name: str, at: datetime) -> InMemoryEngine:
    engine = InMemoryEngine(f"{name}-1")
    engine.now = at
    engine.facts = type(engine.facts)(in_sync_since=at)
    engine.apply(ibgu(name, "Prep"))
    engine.wait(hours=1)
    return engine


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "PAUSE", 0.0)


def at(now: datetime, forget: Forget) -> Retention:
    return Retention(forget, FixedClock(now), days=400, wall=lambda: now)


async def seqs(db: AsyncEngine) -> list[int]:
    return [seq for (seq,) in await rows(db, "SELECT seq FROM events ORDER BY seq")]


async def test_old_events_are_forgotten_without_a_gap(journal: Journal, db: AsyncEngine) -> None:
    await tell(journal, story("old", START))
    kept = len(await seqs(db)) + 1
    await tell(journal, story("new", START + 300 * DAY))
    everything = await seqs(db)

    async def forget(before: datetime) -> dict[str, int]:
        return {"events": await journal.forget(before, most=4)}

    await at(START + 401 * DAY, forget).round()
    assert await seqs(db) == list(range(kept, everything[-1] + 1))
    assert (await certify(db, "hub-1")).valid


async def test_the_events_of_another_hub_stay(leading: Leading, db: AsyncEngine) -> None:
    east, west = await leading(hub="east"), await leading(hub="west")
    await tell(east, story("a", START))
    await tell(west, story("a", START))
    await at(START + 500 * DAY, old_events(east)).round()
    assert {hub for (hub,) in await rows(db, "SELECT hub FROM events")} == {"west"}


async def test_events_behind_one_with_a_fast_clock_are_kept(
    journal: Journal, db: AsyncEngine
) -> None:
    """Forgetting in the order of numbers leaves no gap, whatever the clock has done."""
    found = rollout_of(ibgu("a", "Prep"))
    for days in (0, 500, 1):
        told = OnRollout(Kind.ROLLOUT_SEEN, found, "")
        await journal.commit(Changeset(decisions=(told,), at=START + days * DAY))
    assert await journal.forget(START + 100 * DAY) == 1
    assert await seqs(db) == [2, 3]


async def test_a_database_with_a_wrong_clock_forgets_nothing(
    journal: Journal, db: AsyncEngine
) -> None:
    await tell(journal, story("a", START))
    before = await seqs(db)
    now = START + 3 * DAY
    await Retention(
        old_events(journal), FixedClock(now + 9999 * DAY), days=400, wall=lambda: now
    ).round()
    assert await seqs(db) == before


async def test_a_rollout_without_its_first_events_is_not_certified(
    journal: Journal, db: AsyncEngine
) -> None:
    await tell(journal, story("a", START))
    assert await journal.forget(START + DAY, most=3) == 3
    findings = await certify(db, "hub-1")
    assert "the history begins in the middle of the rollout" in findings.violations[0].words


@pytest.mark.parametrize(
    "error",
    [JournalUnavailable("away"), DBAPIError("SELECT", None, Exception("permission denied"))],
)
async def test_retention_is_retried_after_an_error(
    monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    monkeypatch.setattr(retention, "RETRY", 0.0)
    done = asyncio.Event()
    answers: list[int | Exception] = [error, 2, 0]

    async def forget(before: datetime) -> dict[str, int]:
        answer = answers.pop(0)
        if not answers:
            done.set()
        if isinstance(answer, Exception):
            raise answer
        return {"events": answer}

    task = asyncio.create_task(Retention(forget, FixedClock(datetime.now(UTC)), days=1).run())
    await done.wait()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert answers == []


async def test_the_function_without_a_bound_takes_all(journal: Journal, db: AsyncEngine) -> None:
    await tell(journal, story("a", START))
    count = len(await seqs(db))
    async with db.begin() as connection:
        statement = text("SELECT ibgu_forget_events('hub-1', :at)")
        assert await connection.scalar(statement, {"at": START + DAY}) == count
        assert await connection.scalar(statement, {"at": START + DAY}) == 0

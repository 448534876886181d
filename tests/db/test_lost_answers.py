"""A turn was sent, the answer never came: it is written once, and the caller knows."""

from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from ibgu.db import Changeset, Journal, JournalUnavailable, LeadershipLost, ReloadNeeded, engine
from tests.db.proxy import Proxy, proxied
from tests.db.records import members, opening, rollout, rows, started, starting, step

ONE = rollout()
FIRST = step(ONE)
A, B = members(FIRST, "a", "b")
TURN = b"RunIntended"
"""Appears in every turn that begins a run."""


@pytest.fixture
async def through(
    db: AsyncEngine, database_url: str, tmp_path: Path
) -> AsyncIterator[tuple[Proxy, Journal]]:
    """A leading journal behind a proxy, with a rollout of two members."""
    async with proxied(database_url, tmp_path) as (proxy, url):
        pool = engine(url)
        journal = Journal(pool, "hub-1")
        await journal.lead("ibgu-0")
        await journal.commit(opening(ONE, FIRST, waiting=[A, B]))
        yield proxy, journal
        await pool.dispose()


async def test_the_same_turn_again_is_written_once(
    through: tuple[Proxy, Journal], db: AsyncEngine
) -> None:
    proxy, journal = through
    changeset = starting(started(A, slot=1), started(B, slot=1))
    # The first attempt's response arrives: B's slot is taken. The second attempt's response is
    # lost.
    proxy.lose, proxy.spare = TURN, b"run-r1-b"
    with pytest.raises(JournalUnavailable, match="writing decisions"):
        await journal.commit(changeset)
    proxy.lose = b""
    assert await journal.commit(changeset) == {B.key}
    assert await rows(db, "SELECT seq, kind, cluster FROM events WHERE seq > 2") == [
        (3, "RunIntended", "a")
    ]
    assert await journal.commit(starting(started(B, slot=2))) == frozenset()


async def test_another_turn_asks_for_a_load_first(through: tuple[Proxy, Journal]) -> None:
    proxy, journal = through
    proxy.lose = TURN
    with pytest.raises(JournalUnavailable):
        await journal.commit(starting(started(A, slot=1)))
    proxy.lose = b""
    other = starting(started(A, slot=1, run="decided again"))
    for _ in range(2):
        with pytest.raises(ReloadNeeded, match="turn 2 of hub hub-1 was written"):
            await journal.commit(other)
    assert (await journal.load()).members == (started(A, slot=1), B)
    assert await journal.commit(starting(started(B, slot=2))) == frozenset()


async def not_arriving(proxy: Proxy, journal: Journal, changeset: Changeset) -> None:
    proxy.drop = TURN
    with pytest.raises(JournalUnavailable):
        await journal.commit(changeset)
    proxy.drop = b""


async def delete_newest_turn(db: AsyncEngine, *tables: str) -> None:
    """Deletes the newest turn, and all rows of the tables."""
    async with db.begin() as connection:
        for table in tables:
            await connection.execute(text(f"DELETE FROM {table}"))
        await connection.execute(text("UPDATE hubs SET turns = turns - 1"))


async def test_a_commit_that_did_not_arrive_is_written_by_the_next_try(
    through: tuple[Proxy, Journal], db: AsyncEngine
) -> None:
    proxy, journal = through
    changeset = starting(started(A, slot=1))
    await not_arriving(proxy, journal, changeset)
    assert await rows(db, "SELECT max(seq) FROM events") == [(2,)]
    assert await journal.commit(changeset) == frozenset()
    assert (await journal.load()).members == (started(A, slot=1), B)
    assert await rows(db, "SELECT max(seq) FROM events") == [(3,)]


async def test_after_one_that_did_not_arrive_another_may_be_written(
    through: tuple[Proxy, Journal],
) -> None:
    proxy, journal = through
    await not_arriving(proxy, journal, starting(started(A, slot=1)))
    other = starting(started(A, slot=1, run="decided again"))
    assert await journal.commit(other) == frozenset()


@pytest.mark.parametrize("again", [False, True], ids=["at once", "after a load"])
async def test_turns_that_postgres_has_forgotten_ask_for_a_load(
    db: AsyncEngine, *, again: bool
) -> None:
    """A standby that took over had not received the last ones: the epoch is still ours."""
    journal = Journal(db, "hub-1")
    await journal.lead("ibgu-0")
    await journal.commit(opening(ONE, FIRST, waiting=[A, B]))
    if again:
        await journal.load()
    await delete_newest_turn(db)
    for _ in range(2):
        with pytest.raises(
            ReloadNeeded, match="was restored: turn 1 was written, and turn 1 would"
        ):
            await journal.commit(starting(started(A, slot=1)))
    assert (await journal.load()).members == (A, B)
    assert await journal.commit(starting(started(A, slot=1))) == frozenset()


async def test_a_commit_on_a_restored_database_requires_a_reload(db: AsyncEngine) -> None:
    journal = Journal(db, "hub-1")
    await journal.lead("ibgu-0")
    await journal.commit(opening(ONE, FIRST, waiting=[A, B]))
    await delete_newest_turn(db, "members", "steps", "rollouts")
    with pytest.raises(ReloadNeeded, match="was restored"):
        await journal.commit(starting(started(A, slot=1)))
    assert (await journal.load()).rollouts == ()


async def test_turns_that_are_forgotten_with_an_answer_that_was_lost(
    through: tuple[Proxy, Journal], db: AsyncEngine
) -> None:
    proxy, journal = through
    changeset = starting(started(A, slot=1))
    await not_arriving(proxy, journal, changeset)
    await delete_newest_turn(db)
    with pytest.raises(ReloadNeeded, match="was restored"):
        await journal.commit(changeset)


async def test_a_load_clears_the_doubt_either_way(through: tuple[Proxy, Journal]) -> None:
    proxy, journal = through
    proxy.drop = TURN
    with pytest.raises(JournalUnavailable):
        await journal.commit(starting(started(A, slot=1)))
    proxy.drop = b""
    assert (await journal.load()).members == (A, B)
    other = starting(started(A, slot=1, run="decided again"))
    assert await journal.commit(other) == frozenset()


async def test_a_retried_commit_of_a_deposed_leader_is_refused(
    through: tuple[Proxy, Journal], db: AsyncEngine
) -> None:
    proxy, journal = through
    changeset = starting(started(A, slot=1))
    proxy.lose = TURN
    with pytest.raises(JournalUnavailable):
        await journal.commit(changeset)
    proxy.lose = b""
    await Journal(db, "hub-1").lead("ibgu-1")
    with pytest.raises(LeadershipLost, match="ibgu-1 leads"):
        await journal.commit(changeset)


async def test_postgres_gone_and_back(database_url: str, db: AsyncEngine, tmp_path: Path) -> None:
    async with proxied(database_url, tmp_path) as (_, url):
        pool = engine(url)
        journal = Journal(pool, "hub-1")
        await journal.lead("ibgu-0")
        await journal.commit(opening(ONE, FIRST, waiting=[A, B]))
        await rows(
            db,
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()",
        )
        await _written(journal, starting(started(A, slot=1)))
        assert (await journal.load()).members == (started(A, slot=1), B)
        assert await rows(db, "SELECT max(seq) FROM events") == [(3,)]
        await pool.dispose()


async def _written(journal: Journal, changeset: Changeset) -> None:
    """A connection that is known to be lost is not used; one that is lost meanwhile is reported."""
    for _ in range(3):
        with suppress(JournalUnavailable):
            assert await journal.commit(changeset) == frozenset()
            return
    pytest.fail("a journal that is there again was away three times")

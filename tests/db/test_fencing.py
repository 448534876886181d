"""Only the newest leader writes, in one order, and never half a turn."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from ibgu.core.model import Kind, OnRollout
from ibgu.core.recover import Versions
from ibgu.db import Changeset, Journal, JournalUnavailable, LeadershipLost, ReloadNeeded
from ibgu.db.engine import raw
from ibgu.db.journal.batch import gather
from ibgu.db.journal.write import write
from ibgu.db.schema import CHANNEL
from tests.db.records import NOW, members, opening, rollout, rows, step

Leading = Callable[..., Coroutine[Any, Any, Journal]]


async def test_each_leader_gets_a_newer_epoch(db: AsyncEngine) -> None:
    journal = Journal(db, "hub-1", name="the hub")
    assert await journal.lead("ibgu-0") == 1
    assert await Journal(db, "hub-1").lead("ibgu-1") == 2
    assert await Journal(db, "hub-2").lead("ibgu-2") == 1
    assert await rows(db, "SELECT id, name, leader, epoch FROM hubs ORDER BY id") == [
        ("hub-1", "the hub", "ibgu-1", 2),
        ("hub-2", "", "ibgu-2", 1),
    ]


async def test_the_older_leader_writes_nothing(leading: Leading, db: AsyncEngine) -> None:
    old = await leading("ibgu-0")
    await old.commit(opening(rollout("r1")))
    new = await leading("ibgu-1")
    words = "epoch 1 of hub hub-1 is over: ibgu-1 leads in epoch 2 since"
    with pytest.raises(LeadershipLost, match=words):
        await old.commit(opening(rollout("r2")))
    await new.commit(opening(rollout("r3")))
    assert {found.uid for found in (await new.load()).rollouts} == {"r1", "r3"}
    assert await rows(db, "SELECT count(*), max(seq) FROM events") == [(2, 2)]


async def test_a_new_leader_waits_for_the_turn_that_is_being_written(
    leading: Leading, db: AsyncEngine
) -> None:
    old = await leading("ibgu-0")
    one = rollout()
    await old.commit(opening(one))
    async with db.begin() as blocker:
        await blocker.execute(text("SELECT * FROM rollouts FOR UPDATE"))
        writing = asyncio.create_task(old.commit(opening(rollout(generation=5))))
        await until_waiting(db, 1)
        rising = asyncio.create_task(leading("ibgu-1"))
        await until_waiting(db, 2)
    await writing
    new = await rising
    assert (await new.load()).rollouts[0].generation == 5
    with pytest.raises(LeadershipLost):
        await old.commit(opening(rollout(generation=6)))


async def test_numbers_are_dense_and_in_the_order_of_commit(
    journal: Journal, db: AsyncEngine
) -> None:
    """Turns that are asked for at the same time; no number is seen before a lower one."""
    seen: list[list[int]] = []
    await journal.commit(
        Changeset(decisions=(OnRollout(Kind.ROLLOUT_SEEN, rollout(), ""),), at=NOW)
    )

    async def read() -> None:
        while not seen or len(seen[-1]) < 61:
            seen.append([seq for (seq,) in await rows(db, "SELECT seq FROM events ORDER BY seq")])

    async def tell(number: int) -> None:
        told = OnRollout(Kind.ROLLOUT_HELD, rollout(f"r{number}"), "")
        await journal.commit(Changeset(decisions=(told,) * 3, at=NOW))

    await asyncio.gather(read(), *map(tell, range(20)))
    assert all(numbers == list(range(1, len(numbers) + 1)) for numbers in seen)


async def test_one_of_several_turns_with_the_same_number_is_written(
    journal: Journal, db: AsyncEngine
) -> None:
    """So what arrives late, after it was given up, does no harm."""
    await journal.commit(opening(rollout()))
    told = OnRollout(Kind.ROLLOUT_HELD, rollout(), "")
    batch = gather(Changeset(decisions=(told,) * 3, at=NOW), ())

    async def send() -> bool:
        async with raw(db) as connection:
            return await write(connection, "hub-1", 1, 2, batch, NOW) == frozenset()

    assert sorted(await asyncio.gather(*(send() for _ in range(20)))) == [False] * 19 + [True]
    assert await rows(db, "SELECT seq FROM events ORDER BY seq") == [(1,), (2,), (3,), (4,)]


async def test_a_turn_already_written_requires_a_reload(journal: Journal, db: AsyncEngine) -> None:
    await journal.commit(opening(rollout()))
    late = gather(opening(rollout(generation=5)), ())
    async with raw(db) as connection:
        await write(connection, "hub-1", 1, 2, late, NOW)
    with pytest.raises(ReloadNeeded, match="turn 2 of hub hub-1 is written already"):
        await journal.commit(opening(rollout(generation=6)))
    await journal.load()
    assert await journal.commit(opening(rollout(generation=6))) == frozenset()


async def test_readers_are_notified_of_the_last_number(journal: Journal, db: AsyncEngine) -> None:
    got: asyncio.Queue[str] = asyncio.Queue()
    async with db.connect() as listening:
        raw = (await listening.get_raw_connection()).driver_connection
        assert raw is not None
        await raw.add_listener(CHANNEL, lambda *event: got.put_nowait(event[3]))
        one = rollout()
        await journal.commit(opening(one, step(one)))
        assert await got.get() == "hub-1:2"
        await journal.commit(opening(one, waiting=members(step(one), "a")))
        assert await got.get() == "hub-1:3"
        await raw.reset()


async def test_a_connection_that_dies_in_the_middle_leaves_nothing(
    journal: Journal, db: AsyncEngine
) -> None:
    one = rollout()
    first = step(one)
    found = members(first, "a")
    await journal.commit(opening(one, first, waiting=found))
    before = await journal.load()
    async with db.connect() as blocker:
        await blocker.execute(text("SELECT * FROM members FOR UPDATE"))
        changeset = opening(rollout(generation=9), waiting=found)
        writing = asyncio.create_task(journal.commit(changeset))
        waiting = await until_waiting(db, 1)
        await rows(db, "SELECT pg_terminate_backend(:pid)", pid=waiting[0])
        with pytest.raises(JournalUnavailable, match="writing decisions"):
            await writing
    assert await journal.load() == before
    assert await journal.commit(changeset) == frozenset()
    assert (await journal.load()).rollouts[0].generation == 9


async def test_the_victim_of_a_deadlock_tries_again(journal: Journal, db: AsyncEngine) -> None:
    await journal.commit(opening(rollout()))
    async with db.begin() as rival:
        await rival.execute(text("SET LOCAL deadlock_timeout = '1min'"))
        await rival.execute(text("SELECT * FROM rollouts FOR UPDATE"))
        writing = asyncio.create_task(journal.commit(opening(rollout(generation=5))))
        await until_waiting(db, 1)
        await rival.execute(text("SELECT * FROM hubs FOR UPDATE"))
    assert await writing == frozenset()
    assert (await journal.load()).rollouts[0].generation == 5
    assert await rows(db, "SELECT seq FROM events ORDER BY seq") == [(1,), (2,)]


async def test_a_hub_that_somebody_removed(journal: Journal, db: AsyncEngine) -> None:
    await rows(db, "DELETE FROM hubs")
    with pytest.raises(LeadershipLost, match="hub hub-1 is not in the journal any more"):
        await journal.commit(opening(rollout()))


async def test_events_are_never_changed(journal: Journal, db: AsyncEngine) -> None:
    await journal.commit(opening(rollout()))
    for statement in ("UPDATE events SET why = ''", "DELETE FROM events", "TRUNCATE events"):
        with pytest.raises(DBAPIError, match=f"append-only: {statement.split()[0]} refused"):
            await rows(db, statement)
    assert await rows(db, "SELECT ibgu_forget_events('hub-1', :at)", at=NOW) == [(0,)]
    later = NOW.replace(year=2030)
    assert await rows(db, "SELECT ibgu_forget_events('hub-1', :at)", at=later) == [(1,)]
    await journal.commit(opening(rollout()))
    async with db.connect() as connection:
        forget = "SELECT ibgu_forget_events('hub-1', '2000-01-01')"
        await connection.execute(text(forget))
        with pytest.raises(DBAPIError, match="append-only"):
            await connection.execute(text("DELETE FROM events"))


async def until_waiting(db: AsyncEngine, count: int) -> list[int]:
    """Process ids of the server's sessions that wait for a lock, once there are `count`."""
    while True:
        found = await rows(
            db, "SELECT pid FROM pg_stat_activity WHERE wait_event_type = 'Lock' ORDER BY pid"
        )
        if len(found) >= count:
            return [pid for (pid,) in found]
        await asyncio.sleep(0.01)


async def test_only_the_leader_notes_the_seen_versions(leading: Leading) -> None:
    old = await leading("ibgu-0")
    assert (await old.load()).versions == Versions()
    seen = Versions({"manifestworks": 2**60}, {"uid-a": 17})
    await old.note(seen)
    new = await leading("ibgu-1")
    with pytest.raises(LeadershipLost, match="epoch 1 of hub hub-1 is over"):
        await old.note(Versions({"manifestworks": 1}))
    assert (await new.load()).versions == seen
    await new.note(Versions())
    assert (await new.load()).versions == Versions()

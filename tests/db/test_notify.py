"""Cursors of receivers, and the events that they go along."""

from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from ibgu.core.drivers.ibu import IBU
from ibgu.core.drivers.ibu.actions import Stage
from ibgu.core.notify import READ, NotificationState, RolloutEvent, advance
from ibgu.db import Journal, LeadershipLost
from ibgu.db.notify import Cursor, Cursors, UnreadableMemory
from ibgu.db.reads import Reads
from tests.core.engine.decide.fleet import InMemoryEngine, ibgu
from tests.db.recording import tell
from tests.db.records import rows

Leading = Callable[..., Coroutine[Any, Any, Journal]]


def story() -> InMemoryEngine:
    engine = InMemoryEngine("site-1", "site-2")
    engine.spokes["site-2"].faults[Stage.PREP] = "fail"
    engine.apply(ibgu("a", "Prep"))
    engine.drive()
    return engine


async def test_the_feed_has_what_is_read_page_by_page(db: AsyncEngine, journal: Journal) -> None:
    await tell(journal, story())
    reads = Reads(db, "hub-1")
    last = await reads.last_seq()
    whole = await reads.feed(0, READ)
    assert (whole.upto, whole.more) == (last, False)
    assert {fact.kind for fact in whole.facts} <= READ
    assert (whole.facts[0].namespace, whole.facts[0].name) == ("fleet", "a")
    found: list[RolloutEvent] = []
    after, more = 0, True
    while more:
        feed = await reads.feed(after, READ, limit=3)
        found += feed.facts
        after, more = feed.upto, feed.more
    assert (tuple(found), after) == (whole.facts, last)
    assert await reads.first_unfinished() == 0


async def test_the_first_event_of_what_goes_on(db: AsyncEngine, journal: Journal) -> None:
    await tell(journal, story())
    known = await Reads(db, "hub-1").last_seq()
    running = InMemoryEngine("site-1")
    running.apply(ibgu("b", "Prep"))
    running.until_started()
    await tell(journal, running)
    assert await Reads(db, "hub-1").first_unfinished() == known + 1


async def test_a_saved_cursor_is_loaded_unchanged(db: AsyncEngine, journal: Journal) -> None:
    await tell(journal, story())
    memory = NotificationState()
    feed = await Reads(db, "hub-1").feed(0, READ)
    for fact in feed.facts:
        memory, _ = advance(IBU, memory, fact)
    assert memory.tracks["uid-a"].groups[0].count == 1
    cursors = Cursors(db, "hub-1")
    assert await cursors.load("noc") is None
    await cursors.save("noc", Cursor(7, NotificationState()), 1)
    await cursors.save("noc", Cursor(9, memory), 1)
    assert await cursors.load("noc") == Cursor(9, memory)
    assert await Cursors(db, "hub-2").load("noc") is None


async def test_a_deposed_leader_saves_no_cursor(db: AsyncEngine, leading: Leading) -> None:
    await leading("ibgu-0")
    cursors = Cursors(db, "hub-1")
    await cursors.save("noc", Cursor(7, NotificationState()), 1)
    await leading("ibgu-1")
    with pytest.raises(LeadershipLost, match="epoch 1 of hub hub-1 is over"):
        await cursors.save("noc", Cursor(9, NotificationState()), 1)
    assert await cursors.load("noc") == Cursor(7, NotificationState())


async def test_former_receivers_are_forgotten(db: AsyncEngine, leading: Leading) -> None:
    for hub in ("hub-1", "hub-2"):
        await leading(hub=hub)
        for name in ("noc", "old"):
            await Cursors(db, hub).save(name, Cursor(7, NotificationState()), 1)
    await Cursors(db, "hub-1").keep_only(["noc", "new"], 2)
    assert len(await rows(db, "SELECT 1 FROM notify_cursors")) == 4
    await Cursors(db, "hub-1").keep_only(["noc", "new"], 1)
    assert await rows(db, "SELECT hub, receiver FROM notify_cursors ORDER BY hub, receiver") == [
        ("hub-1", "noc"),
        ("hub-2", "noc"),
        ("hub-2", "old"),
    ]


async def test_a_memory_that_cant_be_read_still_has_its_place(
    db: AsyncEngine, journal: Journal
) -> None:
    cursors = Cursors(db, "hub-1")
    await cursors.save("noc", Cursor(7, NotificationState()), 1)
    async with db.begin() as connection:
        await connection.execute(text("UPDATE notify_cursors SET memory = '{\"tracks\": 3}'"))
    with pytest.raises(UnreadableMemory, match="up to event 7") as raised:
        await cursors.load("noc")
    assert raised.value.seq == 7

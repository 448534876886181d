"""Counts are cached: never counted again once a step is over, once a second while it runs."""

import asyncio
from datetime import datetime
from typing import Any

import pytest
from msgspec.structs import replace
from sqlalchemy.ext.asyncio import AsyncEngine

from ibgu.core.model import StepState
from ibgu.core.model.counts import Counts
from ibgu.db import Journal
from ibgu.db.engine import POOL_SIZE
from ibgu.db.errors import JournalUnavailable
from ibgu.db.reads import Reads
from ibgu.db.reads.tallies import (
    FRESH_SECONDS,
    LARGE,
    STALE_SECONDS,
    CountCache,
    RecentCounts,
    is_shared,
)
from tests.db.records import NOW, opening, rollout, step


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_count_is_good_for_a_second_and_then_due() -> None:
    clock = Clock()
    recent: RecentCounts[str, str] = RecentCounts(clock)
    assert recent.get("r1") is None
    recent.remember("r1", "counted")
    assert recent.get("r1") == "counted"
    assert recent.due(["r1"]) == []
    clock.now += FRESH_SECONDS * 1.01
    assert recent.get("r1") == "counted"
    assert recent.due(["r1", "r2"]) == ["r1", "r2"]
    clock.now += STALE_SECONDS
    assert recent.get("r1") is None


def test_nobody_begins_a_count_that_is_in_progress() -> None:
    clock = Clock()
    recent: RecentCounts[str, str] = RecentCounts(clock)
    recent.remember("r1", "counted")
    clock.now += FRESH_SECONDS * 1.5
    with recent.counting(["r1"]), recent.counting(["r1"]):
        assert recent.due(["r1"]) == []
    assert recent.due(["r1"]) == ["r1"]


async def test_a_count_in_the_background_is_made_once() -> None:
    clock, made, go = Clock(), list[str](), asyncio.Event()
    recent: RecentCounts[str, str] = RecentCounts(clock)

    async def count() -> None:
        await go.wait()
        made.append("r1")
        recent.remember("r1", "again")

    recent.remember("r1", "counted")
    clock.now += FRESH_SECONDS * 1.5
    recent.recount(recent.due(["r1"]), count)
    assert recent.due(["r1"]) == []
    assert recent.get("r1") == "counted"
    go.set()
    await settled(recent)
    assert (made, recent.get("r1"), recent.due(["r1"])) == (["r1"], "again", [])


async def test_a_count_in_the_background_that_fails_is_due_again() -> None:
    clock = Clock()
    recent: RecentCounts[str, str] = RecentCounts(clock)

    async def count() -> None:
        raise JournalUnavailable("reading")

    recent.recount(["r1"], count)
    await settled(recent)
    assert recent.due(["r1"]) == ["r1"]


async def settled(recent: RecentCounts[str, str]) -> None:
    """Waits for the counts in the background."""
    await asyncio.gather(*recent._tasks)
    await asyncio.sleep(0)


async def test_a_count_that_is_not_fresh_is_made_again_once_it_is_read(
    db: AsyncEngine, journal: Journal
) -> None:
    clock = Clock()
    tallies = CountCache(clock)
    of = rollout()
    await journal.commit(opening(of, step(of, total=LARGE)))
    reads = Reads(db, "hub-1", tallies)

    async def read() -> tuple[datetime, datetime, int]:
        [each], listing = await reads.steps("r1"), await reads.rollouts()
        [one] = (row for row in listing.items if row.rollout.uid == "r1")
        return each.now, one.now, listing.seq

    first = await read()
    await journal.commit(opening(rollout("r2")))
    assert await read() == first
    clock.now += FRESH_SECONDS * 1.5
    assert await read() == first
    for counts in (tallies.steps, tallies.rollouts):
        await asyncio.gather(*counts._tasks)
    again = await read()
    assert again[0] > first[0]
    assert again[1] > first[1]
    assert again[2] > first[2]
    assert await read() == again


async def test_a_change_rests_on_no_count_of_others(db: AsyncEngine, journal: Journal) -> None:
    of = rollout()
    await journal.commit(opening(of, step(of, total=LARGE)))
    reads = Reads(db, "hub-1")
    [shared] = await reads.steps("r1")
    [own] = await reads.steps("r1", shared=False)
    assert own.now > shared.now


def test_outdated_counts_are_dropped() -> None:
    clock = Clock()
    recent: RecentCounts[int, str] = RecentCounts(clock)
    for number in range(100):
        recent.remember(number, "counted")
        clock.now += 1.0
    assert len(recent) <= STALE_SECONDS + 1


def test_a_small_one_is_counted_for_each() -> None:
    assert is_shared(step(rollout(), total=LARGE))
    assert not is_shared(step(rollout(), total=LARGE - 1))
    assert not is_shared(step(rollout(), total=LARGE, state=StepState.FINISHED))


async def test_a_slow_count_does_not_block_other_reads(
    db: AsyncEngine, journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One slow count must not empty the pool of connections."""
    of = rollout()
    await journal.commit(opening(of, step(of, total=LARGE)))
    reads = Reads(db, "hub-1")
    count, begun, never = reads._count, asyncio.Event(), asyncio.Event()

    async def slow(*given: Any, **named: Any) -> Any:
        monkeypatch.setattr(reads, "_count", count)
        begun.set()
        await never.wait()

    monkeypatch.setattr(reads, "_count", slow)
    first = asyncio.create_task(reads.steps("r1"))
    await begun.wait()
    for _ in range(POOL_SIZE):
        assert len(await reads.steps("r1")) == 1
    first.cancel()
    await asyncio.wait({first})


def test_a_step_that_is_over_is_counted_once_if_all_of_it_is_there() -> None:
    tallies = CountCache()
    over = step(rollout(), total=2, state=StepState.FINISHED, finished_at=NOW)
    tallies.learn(over, Counts(total=1, succeeded=1))
    assert tallies.get(over) is None
    tallies.learn(replace(over, state=StepState.RUNNING), Counts(total=2, succeeded=2))
    assert tallies.get(over) is None
    tallies.learn(over, Counts(total=2, succeeded=2))
    assert tallies.get(over) == Counts(total=2, succeeded=2)

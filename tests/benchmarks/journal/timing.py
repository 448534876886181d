"""The times of reads and writes beside a long history, in milliseconds."""

from collections.abc import Awaitable, Callable, Iterable
from datetime import timedelta
from functools import partial
from random import Random
from time import perf_counter
from typing import Any

from msgspec import Struct
from sqlalchemy.ext.asyncio import AsyncEngine

from ibgu.db import Changeset, Journal
from ibgu.db.reads import Reads
from tests.benchmarks.bound import percentile
from tests.benchmarks.history import History, RunningMembers
from tests.benchmarks.history.plan import EVENTS_OF_MEMBER, NEWEST


class Times(Struct, frozen=True):
    milliseconds: list[float]

    @property
    def p50(self) -> float:
        return percentile(self.milliseconds, 0.50)

    @property
    def p99(self) -> float:
        return percentile(self.milliseconds, 0.99)


class Written(Struct, frozen=True):
    turns: Times
    events: int

    @property
    def events_per_second(self) -> float:
        return self.events * 1000 / sum(self.turns.milliseconds)


async def _timed(asked: Iterable[Callable[[], Awaitable[Any]]]) -> Times:
    found = []
    for ask in asked:
        began = perf_counter()
        await ask()
        found.append((perf_counter() - began) * 1000)
    return Times(found)


async def steps_of_clusters(reads: Reads, history: History, count: int) -> Times:
    """A page of the steps that a cluster was in, each of another one."""
    random = Random(2)
    return await _timed(
        lambda: reads.visits(_any(history, random), limit=100) for _ in range(count)
    )


async def events_of_clusters(reads: Reads, history: History, count: int) -> Times:
    """A page of the events of a cluster, each of another one."""
    random = Random(2)
    return await _timed(
        lambda: reads.cluster_events(_any(history, random), limit=100) for _ in range(count)
    )


def _any(history: History, random: Random) -> str:
    return history.cluster(random.randrange(history.clusters))


async def of_rollouts(reads: Reads, history: History, count: int) -> Times:
    """A page of events from the middle of a rollout's history."""
    random = Random(3)
    newest = await reads.last_seq()

    async def ask() -> None:
        course = random.choice(history.courses)
        share = course.number / len(history.courses)
        after = int(newest * share) + random.randrange(course.size * EVENTS_OF_MEMBER)
        await reads.events(course.uid, after=after, limit=100)

    return await _timed(ask for _ in range(count))


async def commits(engine: AsyncEngine, history: History, count: int, members: int) -> Written:
    """Turns of a rollout that goes on, in each of which so many members end: one after the other,
    as one leader writes them."""
    journal, reads = Journal(engine, history.hub), Reads(engine, history.hub)
    await journal.lead("bench")
    going = RunningMembers(history)
    turns = [going.turn(members) for _ in range(count)]
    before = await reads.last_seq()
    times = await _timed(partial(_commit, journal, turn) for turn in turns)
    return Written(times, await reads.last_seq() - before)


async def _commit(journal: Journal, turn: Changeset) -> None:
    lost = await journal.commit(turn)
    assert not lost, lost


async def forgotten(engine: AsyncEngine, history: History, count: int) -> Times:
    """Batches of old events that go."""
    journal = Journal(engine, history.hub)
    before = NEWEST - timedelta(days=1)
    return await _timed(lambda: journal.forget(before) for _ in range(count))


async def loaded(engine: AsyncEngine, history: History) -> Times:
    """Times what a controller reads when it starts."""
    return await _timed([lambda: Journal(engine, history.hub).load()])

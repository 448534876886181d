"""What was counted is not counted again: never once a step is over, once a second while it runs."""

import asyncio
from typing import Any

import pytest
from msgspec.structs import replace
from sqlalchemy.ext.asyncio import AsyncEngine

from ibgu.core.counts import Counts
from ibgu.core.model import Step, StepState
from ibgu.db import Journal
from ibgu.db.engine import POOL_SIZE
from ibgu.db.reads import Reads
from ibgu.db.reads.tallies import FRESH_SECONDS, LARGE, STALE_SECONDS, Tallies
from ibgu.db.views import StepRow
from tests.db.records import NOW, opening, rollout, step


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def row(of: Step) -> StepRow:
    return StepRow(of, Counts(total=of.total, waiting=of.total), NOW)


def test_a_large_step_that_runs_is_counted_once_a_second() -> None:
    clock = Clock()
    tallies = Tallies(clock)
    large = step(rollout(), total=LARGE)
    counted = row(large)
    assert tallies.shared(large)
    assert tallies.recent(large) is None
    tallies.remember(counted)
    assert tallies.recent(large) is counted
    assert tallies.recent(replace(large, max_concurrency=9)) is None
    clock.now += FRESH_SECONDS * 1.01
    assert tallies.recent(large) is None


def test_nobody_waits_for_who_counts_anew() -> None:
    clock = Clock()
    tallies = Tallies(clock)
    large = step(rollout(), total=LARGE)
    counted = row(large)
    tallies.remember(counted)
    clock.now += FRESH_SECONDS * 1.5
    with tallies.counting([large]), tallies.counting([large]):
        assert tallies.recent(large) is counted
    assert tallies.recent(large) is None
    clock.now += STALE_SECONDS
    with tallies.counting([large]):
        assert tallies.recent(large) is None


def test_what_is_too_old_does_not_stay() -> None:
    clock = Clock()
    tallies = Tallies(clock)
    for number in range(100):
        tallies.remember(row(step(rollout(f"r{number}"), total=LARGE)))
        clock.now += 1.0
    assert len(tallies._recent) <= STALE_SECONDS + 1


def test_a_small_one_is_counted_for_each() -> None:
    tallies = Tallies()
    assert not tallies.shared(step(rollout(), total=LARGE - 1))
    assert not tallies.shared(step(rollout(), total=LARGE, state=StepState.FINISHED))


async def test_who_asks_while_another_counts_goes_on_without_it(
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
    tallies = Tallies()
    over = step(rollout(), total=2, state=StepState.FINISHED, finished_at=NOW)
    tallies.learn(over, Counts(total=1, succeeded=1))
    assert tallies.get(over) is None
    tallies.learn(replace(over, state=StepState.RUNNING), Counts(total=2, succeeded=2))
    assert tallies.get(over) is None
    tallies.learn(over, Counts(total=2, succeeded=2))
    assert tallies.get(over) == Counts(total=2, succeeded=2)

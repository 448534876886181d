"""Back-off, turns, rates, deadlines and caches."""

import asyncio
import random
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from ibgu.flowcontrol.backoff import Backoff
from ibgu.flowcontrol.bucket import TokenBucket
from ibgu.flowcontrol.deadline import Deadline
from ibgu.flowcontrol.fair import FairQueue
from ibgu.flowcontrol.ttl import TtlCache
from ibgu.hub.errors import HubError


def test_backoff_grows_to_its_limit_and_never_stands_in_step() -> None:
    backoff, rng = Backoff(first=1, longest=8), random.Random(0)
    delays = [backoff.delay(failures, rng) for failures in range(1, 200)]

    assert all(0.5 <= delays[0] <= 1 and 4 <= delay <= 8 for delay in delays[3:])
    assert len(set(delays)) == len(delays)


def test_owners_take_turns_and_keep_their_own_order() -> None:
    queue: FairQueue[str] = FairQueue()
    for item in ("a1", "a2", "a3", "b1", "c1", "c2"):
        queue.push(item[0], item)

    assert [queue.pop() for _ in range(7)] == ["a1", "b1", "c1", "a2", "c2", "a3", None]


def test_an_empty_queue_has_nobody() -> None:
    queue: FairQueue[int] = FairQueue()
    queue.push("a", 1)
    queue.clear()
    assert queue.pop() is None


async def test_after_a_burst_the_rate_holds() -> None:
    loop = asyncio.get_running_loop()
    bucket, began = TokenBucket(rate=100, burst=5), loop.time()
    for _ in range(10):
        await bucket.take()
    assert loop.time() - began >= 0.045


async def test_a_held_bucket_gives_nothing_also_to_those_who_wait() -> None:
    loop = asyncio.get_running_loop()
    bucket, began = TokenBucket(rate=1000, burst=1), loop.time()
    bucket.delay(0.05)
    await asyncio.gather(bucket.take(), bucket.take())
    assert loop.time() - began >= 0.05


def test_a_deadline_moves_and_ends() -> None:
    now = 10.0
    deadline = Deadline(lambda: now)

    def expired() -> bool:
        return deadline.expired

    assert expired()
    assert deadline.remaining() == 0
    deadline.move(12.5)
    assert not expired()
    assert deadline.remaining() == 2.5
    deadline.end()
    assert expired()


async def test_one_question_is_asked_once_and_again_when_it_is_old() -> None:
    now = 0.0
    asked: list[float] = []

    async def ask() -> int:
        asked.append(now)
        await asyncio.sleep(0)
        return len(asked)

    cache: TtlCache[str, int] = TtlCache(10, lambda: now)
    assert await asyncio.gather(*(cache.get("k", ask) for _ in range(3))) == [1, 1, 1]
    now = 9.9
    assert await cache.get("k", ask) == 1
    now = 10.0
    assert await cache.get("k", ask) == 2


async def test_an_error_is_not_kept_and_a_cancelled_caller_takes_nothing_away() -> None:
    calls: list[int] = []

    async def ask() -> str:
        calls.append(1)
        await asyncio.sleep(0.01)
        if len(calls) == 1:
            raise HubError(503, "Unavailable", "away")
        return "answer"

    cache: TtlCache[str, str] = TtlCache(10, lambda: 0.0)
    with pytest.raises(HubError):
        await cache.get("k", ask)
    impatient = asyncio.create_task(cache.get("k", ask))
    patient = asyncio.create_task(cache.get("k", ask))
    await asyncio.sleep(0)
    impatient.cancel()
    assert await patient == "answer"
    assert len(calls) == 2


async def test_a_full_cache_forgets_the_oldest() -> None:
    asked: list[str] = []

    def ask(key: str) -> Callable[[], Coroutine[Any, Any, str]]:
        async def answer() -> str:
            asked.append(key)
            return key

        return answer

    cache: TtlCache[str, str] = TtlCache(10, lambda: 0.0, capacity=2)
    for key in ("a", "b", "c", "b", "a"):
        await cache.get(key, ask(key))
    assert asked == ["a", "b", "c", "a"]

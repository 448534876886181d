"""A tenant gets no more by having more rollouts."""

import asyncio
import random

import pytest

from ibgu.flowcontrol.fair import FairQueue, FairSlots, interleaved
from ibgu.hub import paths
from ibgu.hub.writing.writer import Write, WriteLimits, Writer, WriteResult
from ibgu.sim.hub import MemoryClient, MemoryHub
from tests.simulation.loop import play

NOISY = 250
"""IBGUs of one tenant, each with EACH writes."""
EACH = 8
CALM = 20
"""Writes of another tenant's only IBGU."""


def tenant(owner: str) -> str:
    return owner.partition("/")[0]


def test_tenants_take_turns_and_so_do_their_owners() -> None:
    queue: FairQueue[str] = FairQueue(tenant)
    for item in ("a/1 x", "a/1 y", "a/2 x", "a/3 x", "b/1 x", "b/1 y", "c/1 x"):
        queue.push(item.split()[0], item)

    taken = [queue.pop() for _ in range(8)]
    assert taken == ["a/1 x", "b/1 x", "c/1 x", "a/2 x", "b/1 y", "a/3 x", "a/1 y", None]


def test_owners_are_put_in_the_order_of_their_tenants_turns() -> None:
    owners = ["a/1", "a/2", "a/3", "b/1", "c/1"]
    assert interleaved(owners, tenant) == ["a/1", "b/1", "c/1", "a/2", "a/3"]


async def _reaction(noisy: int) -> float:
    """Virtual seconds until the calm tenant's writes are done."""
    loop = asyncio.get_running_loop()
    left, done = CALM, asyncio.Event()

    def note(result: WriteResult) -> None:
        nonlocal left
        assert result.error is None
        left -= result.write.owner == "calm/1"
        if not left:
            done.set()

    client = MemoryClient(MemoryHub(now=loop.time))
    limits = WriteLimits(rate=400.0, burst=1)
    rng = random.Random(1)
    writer = Writer(client, done=note, limits=limits, rng=rng, tenant_of=tenant)
    writing = asyncio.create_task(writer.run())
    for number in range(noisy * EACH):
        writer.submit(_create(f"noisy-{number}", f"noisy/{number % noisy}"))
    for number in range(CALM):
        writer.submit(_create(f"calm-{number}", "calm/1"))
    began = loop.time()
    await done.wait()
    taken = loop.time() - began
    writing.cancel()
    await asyncio.wait({writing})
    return taken


def _create(name: str, owner: str) -> Write:
    body = f'{{"metadata": {{"name": "{name}", "namespace": "default"}}}}'.encode()
    return Write(("work", "default", name), "POST", paths.works("default"), body, owner=owner)


def test_many_rollouts_of_one_tenant_hardly_slow_anothers_writes() -> None:
    """Twice as long as alone: half of the rate is theirs. By rollouts it was a hundred times."""
    alone, beside = play(_reaction(0)), play(_reaction(NOISY))
    assert 0 < alone < beside < 2.5 * alone


async def test_slots_are_given_in_turn() -> None:
    slots, order, go = FairSlots(1), list[str](), asyncio.Event()

    async def use(owner: str) -> None:
        async with slots.of(owner):
            order.append(owner)
            await go.wait()

    async with asyncio.TaskGroup() as tasks:
        for owner in ("first", "a", "a", "a", "b"):
            tasks.create_task(use(owner))
        await asyncio.sleep(0)
        go.set()
    assert order == ["first", "a", "b", "a", "a"]


@pytest.mark.parametrize("given", [False, True])
async def test_a_cancelled_waiter_keeps_no_slot(given: bool) -> None:
    """Whether or not the slot was given in the very moment in which it gave up."""
    slots = FairSlots(1)

    async def use() -> None:
        async with slots.of("a"):
            pass

    async with slots.of("first"):
        waiting = asyncio.create_task(use())
        await asyncio.sleep(0)
        if not given:
            waiting.cancel()
            await asyncio.wait({waiting})
    waiting.cancel()
    await asyncio.wait({waiting})
    assert waiting.cancelled()
    await asyncio.create_task(use())

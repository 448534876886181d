"""A shadow follows the hub's policies, and judges nothing while it can't read them."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from random import Random
from typing import Any

import pytest

from ibgu.controller.shadow.policies import UNREAD, ShadowPolicyWatch
from ibgu.core.model.rollout_policy import PolicyState
from ibgu.flowcontrol.backoff import Backoff
from ibgu.hub import paths
from ibgu.hub.watching.reflector import Timing
from ibgu.sim.hub import MemoryClient, MemoryHub
from ibgu.sim.hub.kinds import ROLLOUT_POLICIES
from tests.controller.lookups.test_rollout_policies import FaultyClient

pytestmark = pytest.mark.timeout(300)
TIMING = Timing(backoff=Backoff(0.01, 0.05))


class Watched:
    """A hub of the simulation, and a watch of its policies."""

    def __init__(self, *, served: bool = True, refused: int = 0) -> None:
        self.memory = MemoryHub(now=time.time, more=[ROLLOUT_POLICIES])
        self.client = FaultyClient(self.memory)
        self.client.refused = refused
        self.watch = ShadowPolicyWatch(
            self.client, served=served, streaming=True, timing=TIMING, rng=Random(1)
        )

    async def put(self, name: str, **spec: Any) -> None:
        body = {
            "apiVersion": "ibgu.dev/v1alpha1",
            "kind": "RolloutPolicy",
            "metadata": {"name": name},
            "spec": spec,
        }
        people = MemoryClient(self.memory, "people")
        await people.request("POST", paths.ROLLOUT_POLICIES, body=body)

    async def until(self, state: Callable[[PolicyState], object]) -> None:
        while not state(self.watch.state()):  # noqa: ASYNC110 - of a hub
            await asyncio.sleep(0.005)


@asynccontextmanager
async def running(watched: Watched) -> AsyncIterator[Watched]:
    task = asyncio.create_task(watched.watch.run())
    try:
        await watched.watch.settled(5.0)
        yield watched
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def names(state: PolicyState) -> list[str]:
    return [each.metadata.name for each in state.policies]


async def test_policies_of_the_hub_are_followed() -> None:
    watched = Watched()
    await watched.put("night", inFlight=3)
    assert watched.watch.state() == PolicyState(problem=UNREAD)
    async with running(watched):
        assert names(watched.watch.state()) == ["night"]
        await watched.put("day", inFlight=5)
        await watched.until(lambda state: names(state) == ["day", "night"])


async def test_a_policy_that_can_not_be_read_is_named() -> None:
    watched = Watched()
    await watched.put("newer", inFlight=3, phaseOfTheMoon="full")
    async with running(watched):
        await watched.until(lambda state: [name for name, _ in state.unreadable] == ["newer"])


@pytest.mark.parametrize("status", [403, 404])
async def test_policies_that_may_not_be_read_are_unknown(status: int) -> None:
    watched = Watched(refused=status)
    await watched.put("night", inFlight=3)
    async with running(watched):
        assert watched.watch.state() == PolicyState(problem=UNREAD)
        watched.client.refused = 0
        await watched.until(lambda state: names(state) == ["night"])


async def test_an_outage_keeps_what_was_read() -> None:
    watched = Watched()
    await watched.put("night", inFlight=3)
    async with running(watched):
        watched.client.refused = 503
        for watch in list(watched.memory._watches):
            watch.break_off()
        await asyncio.sleep(0.1)  # about what must not happen
        assert names(watched.watch.state()) == ["night"]


async def test_a_hub_without_the_kind_has_no_policies() -> None:
    async with running(Watched(served=False)) as watched:
        assert watched.watch.state() == PolicyState()

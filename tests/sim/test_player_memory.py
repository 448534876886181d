"""The player on a hub in memory: what its clusters get, and what they don't."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from ibgu.core.model.kinds import JsonObject
from ibgu.hub import paths
from ibgu.sim.hub import MemoryClient, MemoryHub
from ibgu.sim.player import Player
from ibgu.sim.player.clock import SteadyClock
from ibgu.sim.spec import FleetSpec
from tests.sim.agent.works import disarmed
from tests.simulation.loop import VirtualTimeLoop

NAME = "site-0001"
Story = Callable[[MemoryClient, Player], Awaitable[None]]


def play(story: Story) -> None:
    loop = VirtualTimeLoop()
    asyncio.set_event_loop(loop)
    try:
        loop.run_until_complete(_play(story))
    finally:
        asyncio.set_event_loop(None)
        loop.close()


async def _play(story: Story) -> None:
    hub = MemoryHub(now=asyncio.get_running_loop().time)
    client = MemoryClient(hub, "people")
    player = Player(MemoryClient(hub, "agents"), FleetSpec.parse(count=1), SteadyClock(offset=0.0))
    await player.create()
    playing = asyncio.create_task(player.run())
    await story(client, player)
    playing.cancel()
    await asyncio.wait({playing})


async def create(client: MemoryClient, name: str, spec: Any) -> None:
    body = {"metadata": {"name": name, "namespace": NAME}, "spec": spec}
    await client.request("POST", paths.works(NAME), body=body)
    await asyncio.sleep(5)


async def applied(client: MemoryClient, name: str) -> bool:
    found = await client.get(paths.work(NAME, name), dict[str, Any])
    conditions: list[JsonObject] = found.get("status", {}).get("conditions", [])
    return any(condition["type"] == "Applied" for condition in conditions)


def test_a_work_that_is_none_stops_nobody() -> None:
    async def story(client: MemoryClient, player: Player) -> None:
        await create(client, "malformed", {"workload": "nothing"})
        await create(client, "good", disarmed())

        assert await applied(client, "good")
        assert not await applied(client, "malformed")

    play(story)


def test_a_cluster_knows_what_it_has_written(monkeypatch: Any) -> None:
    """So it is not told again by the watch: of its own writes the answers are enough."""
    told = []

    async def story(client: MemoryClient, player: Player) -> None:
        observe = player.clusters[NAME].agent.observe

        def noted(work: Any, now: float, *, answer: bool = False) -> None:
            told.append((answer, work.metadata.resource_version))
            observe(work, now, answer=answer)

        monkeypatch.setattr(player.clusters[NAME].agent, "observe", noted)
        await create(client, "good", disarmed())

    play(story)
    answered = {version for answer, version in told if answer}
    watched = [version for answer, version in told if not answer]
    assert len(answered) > 1
    assert len(watched) == 1
    assert not answered & set(watched)

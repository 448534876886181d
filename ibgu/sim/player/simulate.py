"""Plays a fleet from its creation until it is stopped."""

import asyncio
from collections.abc import Callable

from ibgu.hub.port import Hub
from ibgu.sim.player.player import Player
from ibgu.sim.spec import FleetSpec


async def simulate(
    client: Hub,
    spec: FleetSpec,
    *,
    stop: asyncio.Event | None = None,
    ready: Callable[[Player], None] | None = None,
) -> None:
    """Plays the fleet until `stop` is set (for ever without it) or the task is cancelled.

    `ready` gets the player when all clusters exist on the hub and their works are known. What
    was created stays; `clean_up` removes it. Raises ForeignCluster, HubError.
    """
    player = Player(client, spec)
    await player.create()
    async with asyncio.TaskGroup() as group:
        playing = group.create_task(player.run())
        await player.synced.wait()
        if ready is not None:
            ready(player)
        await (stop or asyncio.Event()).wait()
        playing.cancel()

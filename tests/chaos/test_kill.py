"""kill -9 of the controller, again and again, at random moments of a rollout."""

import asyncio
import random

import pytest

from tests.chaos.scene import Chaos


async def test_killed_again_and_again(chaos: Chaos) -> None:
    await killed_again_and_again(chaos, clusters=24, most=8, kills=3)


@pytest.mark.chaos
async def test_killed_again_and_again_with_two_hundred_clusters(chaos: Chaos) -> None:
    await killed_again_and_again(chaos, clusters=200, most=16, kills=30)


async def killed_again_and_again(chaos: Chaos, clusters: int, most: int, kills: int) -> None:
    """Now and then before it leads, else in the thick of it."""
    rng = random.Random(chaos.seed)
    await chaos.roll_out(clusters, most)
    pod = await chaos.pod()
    for _ in range(kills):
        if rng.random() < 0.8:
            await chaos.leads(pod)
        await asyncio.sleep(rng.uniform(0.0, 3.0))
        pod.kill()
    assert chaos.done < chaos.total, "all was over before the last kill"
    await chaos.unharmed()

"""Two controllers, paused and resumed: a leader that was deposed in its sleep changes nothing."""

import asyncio
import random
from pathlib import Path

import pytest

from tests.benchmarks.audit import read
from tests.chaos.scene import FLUSHED, LEASE_SECONDS, Chaos
from tests.chaos.strangers import strangers


async def test_a_deposed_leader_wakes_up(chaos: Chaos, audit_log: Path) -> None:
    await deposed_leaders_wake_up(chaos, audit_log, clusters=12, most=4, times=1)


@pytest.mark.slow("chaos")
async def test_a_deposed_leader_wakes_up_again_and_again(chaos: Chaos, audit_log: Path) -> None:
    await deposed_leaders_wake_up(chaos, audit_log, clusters=200, most=30, times=10)


async def deposed_leaders_wake_up(
    chaos: Chaos, audit_log: Path, clusters: int, most: int, times: int
) -> None:
    """Each falls asleep at work; the other one takes over, and is at work when it wakes."""
    rng = random.Random(chaos.seed)
    await chaos.roll_out(clusters, most, durations="200s-600s")
    leader = await chaos.pod("ibgu-0")
    await chaos.leads(leader)
    other = await chaos.pod("ibgu-1")
    async with chaos.watching_leaders():
        for _ in range(times):
            await chaos.progress(1)
            await asyncio.sleep(rng.uniform(0.0, 1.0))
            leader.pause()
            await chaos.leads(other)
            await chaos.progress(1)
            await asyncio.sleep(rng.uniform(0.0, LEASE_SECONDS))
            leader.resume()
            leader, other = other, leader
        await chaos.unharmed()
    await asyncio.sleep(FLUSHED)
    assert strangers(chaos, read(audit_log)) == []

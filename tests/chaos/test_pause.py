"""Two controllers, paused and resumed: a leader that was deposed in its sleep changes nothing."""

import asyncio
import random
from pathlib import Path

import pytest

from tests.benchmarks.audit import IGNORED, WRITES, Entry, read
from tests.chaos.scene import LEASE_SECONDS, Chaos

FLUSHED = 0.5
"""Seconds until the API server has written its audit log."""


async def test_a_deposed_leader_wakes_up(chaos: Chaos, audit_log: Path) -> None:
    await deposed_leaders_wake_up(chaos, audit_log, clusters=24, most=6, times=2)


@pytest.mark.chaos
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


def strangers(chaos: Chaos, entries: list[Entry]) -> list[Entry]:
    """Writes that a controller has made while another one led."""
    names = {pod.credential: pod.name for pod in chaos.pods}
    return [
        entry
        for entry in entries
        if entry.credential in names
        and entry.verb in WRITES
        and entry.code < 300
        and entry.resource not in IGNORED
        and chaos.led_at(entry.received) != names[entry.credential]
    ]

"""The API server dies, is slow, or has no room for more requests, in the middle of a rollout."""

import asyncio
import random
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.benchmarks.audit import read
from tests.chaos.scene import Chaos

TIGHT = ("--max-requests-inflight=4", "--max-mutating-requests-inflight=2")


@pytest.mark.slow("chaos")
async def test_the_api_server_is_killed(chaos: Chaos) -> None:
    rng = random.Random(chaos.seed)
    await chaos.roll_out(100, 25)
    pod = await chaos.pod()
    await chaos.leads(pod)
    for _ in range(8):
        await chaos.progress(1)
        await asyncio.sleep(rng.uniform(0.0, 4.0))
        clean = rng.random() < 0.3
        await asyncio.to_thread(chaos.hub.stop_apiserver if clean else chaos.hub.kill_apiserver)
        await asyncio.sleep(rng.choice((0.0, 2.0, 6.0)))
        await asyncio.to_thread(chaos.hub.start_apiserver)
    await chaos.unharmed()


@pytest.mark.slow("chaos")
@pytest.mark.parametrize("delay", [0.1, 0.4])
async def test_a_slow_api_server(chaos: Chaos, delay: float) -> None:
    """Every packet to and from the controller takes its time; the default Lease follows."""
    network, url = await chaos.before_hub()
    network.delay = delay
    await chaos.roll_out(60, 20)
    pod = await chaos.pod(hub_url=url)
    await chaos.leads(pod)
    await chaos.unharmed()
    assert await chaos.leader() == (1, pod.name), pod.told()


@pytest.fixture
async def roomy(chaos: Chaos) -> AsyncIterator[None]:
    """In the end the API server has room again."""
    yield
    await asyncio.to_thread(chaos.hub.restart_apiserver)


@pytest.mark.slow("chaos")
@pytest.mark.usefixtures("roomy")
async def test_a_throttling_api_server(chaos: Chaos, audit_log: Path) -> None:
    """The server answers 429 to what does not fit."""
    await chaos.roll_out(30, 15)
    await asyncio.to_thread(chaos.hub.restart_apiserver, *TIGHT)
    pod = await chaos.pod()
    await chaos.leads(pod)
    await chaos.unharmed()
    refused = [e for e in read(audit_log) if e.credential == pod.credential and e.code == 429]
    assert len(refused) > 10

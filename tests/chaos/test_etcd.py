"""etcd stalls in the middle of a rollout, as on a disk that answers nothing for seconds.

The API server answers from its caches meanwhile, and every write waits for the end.
"""

import asyncio
import random
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from ibgu.controller.service import LEASE
from ibgu.hub import paths
from ibgu.hub.election.times import LeaseTimes
from ibgu.sandbox.users import SYSTEM_NAMESPACE
from tests.benchmarks.audit import read
from tests.chaos.scene import FLUSHED, Chaos
from tests.chaos.strangers import overtaken, strangers

TIMES = LeaseTimes()


async def bound(chaos: Chaos) -> float:
    """Returns the seconds for which the hub may stall now without costing the lead (decision 68):
    half of the leader's deadline, which grows with the Lease."""
    spec = (await chaos.get(paths.lease(SYSTEM_NAMESPACE, LEASE)))["spec"]
    rounded_up: int = spec["leaseDurationSeconds"]
    duration = max(TIMES.duration, rounded_up - 1)
    return duration / TIMES.duration * TIMES.renew_deadline / 2


@pytest.fixture
async def stalled(chaos: Chaos) -> AsyncIterator[None]:
    """In the end etcd runs, whatever the test came to."""
    yield
    chaos.hub.resume_etcd()


async def stall(chaos: Chaos, seconds: float) -> None:
    chaos.hub.pause_etcd()
    await asyncio.sleep(seconds)
    chaos.hub.resume_etcd()


@pytest.mark.slow("chaos")
@pytest.mark.usefixtures("stalled")
async def test_an_etcd_that_stalls_for_less_than_the_bound_costs_no_lead(chaos: Chaos) -> None:
    """The Lease follows the slowest response, so the next stall may be longer."""
    await chaos.roll_out(24, 8, durations="300s-900s")
    pod = await chaos.pod("ibgu-0")
    await chaos.leads(pod)
    await chaos.pod("ibgu-1")
    for share in (0.5, 0.6, 0.7, 0.8, 0.9):
        await chaos.progress(2)
        seconds = share * await bound(chaos)
        await stall(chaos, seconds)
        await asyncio.sleep(2 * TIMES.renew_deadline)  # a lead that was lost shows by then
        assert await chaos.leader() == (1, pod.name), (seconds, pod.told())
    await chaos.unharmed()
    assert await chaos.leader() == (1, pod.name), pod.told()


@pytest.mark.slow("chaos")
@pytest.mark.usefixtures("stalled")
async def test_two_leaders_never_act_however_long_etcd_stalls(
    chaos: Chaos, audit_log: Path
) -> None:
    rng = random.Random(chaos.seed)
    await chaos.roll_out(40, 10, durations="300s-900s")
    pod = await chaos.pod("ibgu-0")
    await chaos.leads(pod)
    await chaos.pod("ibgu-1")
    async with chaos.watching_leaders():
        for longest in (4.0, 6.0, 10.0, 20.0, 20.0):
            await chaos.progress(2)
            await stall(chaos, rng.uniform(0.7, 1.0) * longest)
        await chaos.unharmed()
    epoch, _ = await chaos.leader()
    assert epoch > 1, "no stall was long enough to cost the lead"
    await asyncio.sleep(FLUSHED)
    entries = read(audit_log)
    assert strangers(chaos, entries) == []
    assert overtaken(chaos, entries) == []

"""kill -9 of the controller at random moments of a rollout."""

import asyncio
import random
from pathlib import Path

import pytest

from ibgu.controller.service import LEASE
from ibgu.hub import paths
from ibgu.sandbox.users import SYSTEM_NAMESPACE
from tests.benchmarks.audit import Entry, read
from tests.chaos.pod import Pod
from tests.chaos.scene import FLUSHED, Chaos


async def test_killed_again_and_again(chaos: Chaos) -> None:
    await killed_again_and_again(chaos, clusters=24, most=8, kills=3)


@pytest.mark.slow("chaos")
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


async def test_the_standby_leads_as_soon_as_the_lease_has_expired(
    chaos: Chaos, audit_log: Path
) -> None:
    """Counted in looks, not in seconds: a busy machine makes each of them late."""
    await chaos.roll_out(8, 4)
    leader = await chaos.pod("ibgu-0")
    await chaos.leads(leader)
    standby = await chaos.pod("ibgu-1")
    await chaos.progress(1)
    held = (await chaos.get(paths.lease(SYSTEM_NAMESPACE, LEASE)))["spec"]
    if held["holderIdentity"] == standby.name:
        leader, standby = standby, leader  # A busy machine has cost the first one its lead.
    await leader.remove()
    spec = (await chaos.get(paths.lease(SYSTEM_NAMESPACE, LEASE)))["spec"]
    assert spec["holderIdentity"] == leader.name, "the standby led before the kill"
    await chaos.leads(standby)
    await asyncio.sleep(FLUSHED)
    log = [entry for entry in read(audit_log) if entry.resource == "leases"]
    renewed = _of(log, leader, "patch")[-1]
    taken = _of(log, standby, "patch")[0]
    looks = [e for e in _of(log, standby, "get") if renewed.completed < e.received < taken.received]
    expiry = looks[0].completed + spec["leaseDurationSeconds"]
    assert taken.received > renewed.received + spec["leaseDurationSeconds"]
    assert sum(each.received > expiry for each in looks) <= 2
    await chaos.unharmed()


def _of(log: list[Entry], pod: Pod, verb: str) -> list[Entry]:
    return [e for e in log if e.credential == pod.credential and e.verb == verb and e.code == 200]

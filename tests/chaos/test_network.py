"""Connections of the controller are cut, half closed, held up and black-holed."""

import asyncio
import random
from pathlib import Path

import pytest

from tests.benchmarks.audit import Entry, read
from tests.chaos.pod import Pod
from tests.chaos.proxy import Proxy
from tests.chaos.scene import FLUSHED, LEASE_SECONDS, Chaos
from tests.chaos.strangers import overtaken

HARMLESS = {"imagebasedgroupupgrades/status", "events"}
"""What the leader writes over when it sees it, and what is only told."""


@pytest.mark.slow("chaos")
@pytest.mark.parametrize("between", ["hub", "journal", "both"])
async def test_a_bad_network(chaos: Chaos, between: str) -> None:
    """One trouble after the other, some longer than the lease."""
    rng = random.Random(chaos.seed)
    to_hub, hub_url = await chaos.before_hub()
    to_journal, database_url = await chaos.before_postgres()
    networks = {"hub": [to_hub], "journal": [to_journal], "both": [to_hub, to_journal]}[between]
    await chaos.roll_out(100, 25)
    pod = await chaos.pod(hub_url=hub_url, database_url=database_url)
    await chaos.leads(pod)
    for _ in range(20):
        await chaos.progress(1)
        await asyncio.sleep(rng.uniform(0.0, 1.0))
        await trouble(rng.choice(networks), rng)
    await chaos.unharmed()


async def trouble(network: Proxy, rng: random.Random) -> None:
    match rng.choice(("cut", "half", "silence", "congestion", "slow")):
        case "cut":
            network.cut()
        case "half":
            network.half_close()
        case "silence":
            network.silence()
            await asyncio.sleep(rng.choice((0.5, 2.0, 6.0)))
            if rng.random() < 0.5:
                network.cut()
            network.heal()
        case "congestion":
            network.silence(answers=True)
            await asyncio.sleep(rng.choice((0.5, 2.0, 6.0)))
            network.heal()
        case "slow":
            network.delay = rng.uniform(0.05, 0.5)
            await asyncio.sleep(2.0)
            network.delay = 0.0


@pytest.mark.slow("chaos")
async def test_delayed_writes_of_a_deposed_leader_are_refused(
    chaos: Chaos, audit_log: Path
) -> None:
    """Held up on a congested link until its successor has brought the clusters further.

    The leader is frozen meanwhile: a connection whose end arrives with the request takes the
    request with it.
    """
    network, url = await chaos.before_hub()
    plan = ("Prep", "Upgrade", "FinalizeUpgrade")
    await chaos.roll_out(60, 20, plan, durations="50s-150s")
    one = await chaos.pod("ibgu-0", hub_url=url)
    await chaos.leads(one)
    two = await chaos.pod("ibgu-1")
    await chaos.progress(5)
    network.silence(answers=True)
    await asyncio.sleep(LEASE_SECONDS / 2)
    one.pause()
    await chaos.leads(two)
    await chaos.progress(60)
    network.heal()
    await chaos.unharmed()
    one.resume()
    await asyncio.sleep(FLUSHED)
    entries = read(audit_log)
    assert refused(chaos, one, entries)
    late = {entry.resource for entry in overtaken(chaos, entries)}
    assert late <= HARMLESS


def refused(chaos: Chaos, pod: Pod, entries: list[Entry]) -> list[Entry]:
    """The pod's requests that met a conflict while another one led."""
    return [
        entry
        for entry in entries
        if entry.credential == pod.credential
        and entry.code == 409
        and chaos.led_at(entry.received) != pod.name
    ]

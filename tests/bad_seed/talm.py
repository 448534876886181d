"""Rollouts of a bad seed image by the real TALM, on a sandbox hub with the simulated fleet.

One rollout for each share, all at the same time, each with clusters of its own. What a cluster was
asked for is read at the cluster itself.
"""

import asyncio
import json
import sys
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from math import ceil
from pathlib import Path
from time import monotonic

from msgspec import Struct

from ibgu.hub import paths
from ibgu.hub.client import HubClient
from ibgu.sandbox.hub import SandboxHub
from ibgu.sandbox.kubectl import Kubectl
from ibgu.sim.player.player import Player
from ibgu.sim.player.simulate import simulate
from ibgu.sim.spec import FleetSpec
from tests.bad_seed.rollouts import CONCURRENCY, Figures
from tests.e2e.manifests import ibgu, step
from tests.e2e.real_talm import RealTalm
from tests.neighbours.programs import find, how_to_have_them

SPEED = 120
"""How much faster than in the field: an Upgrade of 15 to 40 minutes takes 7 to 20 seconds."""
BATCH_MINUTES = 1.6
"""The time for each batch: more than four times what its slowest Upgrade takes."""
LOOK = 20.0
"""Seconds after which TALM is started again, upon which it looks at everything. By itself it looks
for batches that have timed out every five minutes: next to nothing in the field, ten hours here."""


class Fleet(Struct, frozen=True):
    """Fleet is the clusters of one rollout."""

    name: str
    player: Player

    @property
    def busy(self) -> bool:
        return any(each.timeline.current is not None for each in self.player.clusters.values())

    def figures(self) -> Figures:
        asked = [
            [run for run in cluster.timeline.runs if run.stage == "Upgrade"]
            for cluster in self.player.clusters.values()
        ]
        failed = sum(any(run.outcome == "failed" for run in runs) for runs in asked)
        return Figures(sum(map(bool, asked)), failed)


async def roll_out_by_talm(shares: Sequence[float], clusters: int) -> Mapping[float, Figures]:
    """Returns how far TALM's rollouts have come when it calls them completed."""
    found = find("TALM")
    if found is None:
        sys.exit(how_to_have_them())
    with SandboxHub() as hub, tempfile.TemporaryDirectory() as folder:
        talm = RealTalm(hub, found, Path(folder))
        talm.install()
        talm.start()
        try:
            admin = await HubClient.with_token(hub.url, hub.token("admin"), str(hub.ca_file))
            async with admin, _fleets(admin, shares, clusters) as fleets:
                await asyncio.to_thread(_apply, Kubectl(hub), fleets, clusters)
                await _completed(admin, talm, fleets)
                return {share: fleet.figures() for share, fleet in zip(shares, fleets, strict=True)}
        finally:
            talm.stop()


@asynccontextmanager
async def _fleets(
    client: HubClient, shares: Sequence[float], clusters: int
) -> AsyncIterator[list[Fleet]]:
    async with asyncio.TaskGroup() as group:
        made, playing = [], []
        for share in shares:
            name = f"bad-{share * 100:.0f}"
            ready: asyncio.Queue[Player] = asyncio.Queue()
            running = simulate(client, _spec(name, share, clusters), ready=ready.put_nowait)
            playing.append(group.create_task(running))
            made.append(Fleet(name, await ready.get()))
        yield made
        for task in playing:
            task.cancel()


def _spec(name: str, share: float, clusters: int) -> FleetSpec:
    return FleetSpec.parse(
        count=clusters,
        pattern=f"{name}-%03d",
        scale=1 / SPEED,
        durations="15m-40m",
        faults=[f"upgrade.restore={share}"],
        labels=[f"fleet={name}"],
    )


def _apply(kubectl: Kubectl, fleets: Sequence[Fleet], clusters: int) -> None:
    minutes = ceil(BATCH_MINUTES * ceil(clusters / CONCURRENCY))
    plan = (step("Prep", most=clusters), step("Upgrade", most=CONCURRENCY, timeout=minutes))
    for fleet in fleets:
        kubectl.apply(ibgu(fleet.name, *plan, fleet=fleet.name))


async def _completed(client: HubClient, talm: RealTalm, fleets: Sequence[Fleet]) -> None:
    begun, left = monotonic(), list(fleets)
    while left:
        await asyncio.sleep(LOOK)
        left = [each for each in left if each.busy or not await _is_completed(client, each.name)]
        told = (f"{fleet.name}: {fleet.figures()}" for fleet in fleets)
        print(f"{monotonic() - begun:.0f} s", *told, file=sys.stderr, flush=True)
        talm.stop()
        await asyncio.to_thread(talm.start)


async def _is_completed(client: HubClient, name: str) -> bool:
    found = json.loads(await client.request("GET", paths.ibgu("default", name)))
    conditions = found.get("status", {}).get("conditions", [])
    return any(each["type"] == "Progressing" and each["status"] == "False" for each in conditions)

"""Simulates a monitoring that says on ManagedClusters how clusters are, as drawn."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from msgspec.structs import replace

from ibgu.core.drivers.ibu.actions import Action
from ibgu.hub import paths
from ibgu.hub.errors import HubError
from ibgu.sim.hub import MemoryClient, MemoryHub
from ibgu.sim.player import Player
from tests.simulation.canary_breaks import BROKEN, DARK, PROVEN, WELL, CanaryBreaks, elsewhere
from tests.simulation.contention import Change
from tests.simulation.faults import Fault
from tests.simulation.health_proofs import health_proof
from tests.simulation.people import People

_OFTEN = 5.0
"""Seconds between two looks at what is upgraded."""


class Monitoring:
    """Monitoring tells of a cluster what is drawn, from its upgrade on."""

    def __init__(
        self,
        hub: MemoryHub,
        player: Player,
        people: People,
        drawn: CanaryBreaks,
        happen: Callable[[Fault], Awaitable[None]],
    ) -> None:
        self._client = MemoryClient(hub, "monitoring")
        self._player = player
        self._people = people
        self._drawn = drawn
        self._happen = happen
        self.proof = health_proof(drawn.proof, hub, player)
        self.on_said: Callable[[str, str], None] = lambda uid, says: None
        """Hears what is said of which ManagedCluster, by its uid."""
        self._broke = asyncio.Event()
        self._keeper: asyncio.Task[None] | None = None
        self.tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        drawn = self._drawn
        first = replace(drawn, policy=elsewhere(drawn)) if drawn.known_from else drawn
        await self._people.change(_policy(first))
        await self.proof.begin(self._player.clusters)
        for cluster, says in self._drawn.before.items():
            await self._say(cluster, says)
        if drawn.known_from:
            self.tasks.append(asyncio.create_task(self._name_a_known_source()))
        self._keeper = asyncio.create_task(self._keep())
        watches = [self._watch(cluster) for cluster in self._drawn.spells]
        self.tasks += [asyncio.create_task(each) for each in (*watches, self._meanwhile())]
        self.tasks.append(self._keeper)

    async def heal(self) -> None:
        """Ends it: all clusters are well."""
        for task in self.tasks:
            if task is not self._keeper:
                task.cancel()
        if self._drawn.known_from:  # A restored hub may have the policy from before.
            await self._people.change(_policy(self._drawn))
        for cluster in self._drawn.spells:
            await self._say(cluster, WELL)

    async def _keep(self) -> None:
        while True:
            await asyncio.sleep(_OFTEN)
            self.proof.keep()

    async def _watch(self, cluster: str) -> None:
        while True:
            await asyncio.sleep(_OFTEN)
            if await self._is_upgraded(cluster):
                break
        for spell in self._drawn.spells[cluster]:
            if spell.says == DARK:
                self._player.act(cluster, lambda cluster, now: cluster.go_dark())
            else:
                await self._say(cluster, spell.says)
            if spell.says == BROKEN:
                self._broke.set()
            try:
                await asyncio.sleep(spell.seconds)
            finally:
                if spell.says == DARK:
                    self._player.act(cluster, lambda cluster, now: cluster.come_back())
        await self._say(cluster, WELL)

    async def _is_upgraded(self, cluster: str) -> bool:
        try:
            found = await self._client.get(paths.managed_cluster(cluster), dict[str, Any])
        except HubError:
            return False
        return Action.UPGRADE.completed_label in (found["metadata"].get("labels") or {})

    async def _meanwhile(self) -> None:
        """Lets happen what is drawn for the time after the first break."""
        await self._broke.wait()
        began = asyncio.get_running_loop().time()
        for fault in sorted(self._drawn.meanwhile, key=lambda fault: fault.at):
            await asyncio.sleep(max(0.0, began + fault.at - asyncio.get_running_loop().time()))
            match fault.kind:
                case "paused":
                    self.tasks.append(asyncio.create_task(self._pause(fault.seconds)))
                case "rollback-unasked":
                    self.tasks.append(asyncio.create_task(self._unasked(fault.seconds)))
                case _:
                    await self._happen(fault)

    async def _pause(self, seconds: float) -> None:
        await self._people.annotate(0, pause="yes")
        try:
            await asyncio.sleep(seconds)
        finally:
            await self._people.annotate(0, pause=None)

    async def _unasked(self, seconds: float) -> None:
        """Lets the policy ask for no rollback for a while."""
        canaries = {
            key: value
            for key, value in self._drawn.policy["canaries"].items()
            if not key.startswith("rollback")
        }
        policy = {**self._drawn.policy, "canaries": canaries}
        await self._people.change(_policy(replace(self._drawn, policy=policy)))
        await asyncio.sleep(seconds)
        await self._people.change(_policy(self._drawn))

    async def _name_a_known_source(self) -> None:
        await asyncio.sleep(self._drawn.known_from)
        await self._people.change(_policy(self._drawn))

    async def _say(self, cluster: str, says: str) -> None:
        await self.proof.say(cluster, says)
        self.on_said(self._player.clusters[cluster].registration.uid, says)


def _policy(drawn: CanaryBreaks) -> Change:
    body = {"apiVersion": "ibgu.dev/v1alpha1", "kind": "RolloutPolicy", "spec": drawn.policy}
    return Change(0.0, paths.ROLLOUT_POLICIES, PROVEN, {**body, "metadata": {"name": PROVEN}})

"""A scene whose clusters have real API servers and real work agents."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from ibgu.hub.client import HubClient
from ibgu.sandbox.hub import SandboxHub
from ibgu.sim import player as sim
from ibgu.sim.faults import Fault
from ibgu.sim.spec import FleetSpec
from tests.e2e.harness import Scene
from tests.neighbours.cluster import RealCluster
from tests.neighbours.joining import join
from tests.neighbours.server import ManagedClusterServer


class RealScene(Scene):
    """RealScene answers a test as the model's scene does: both play the same stories."""

    def __init__(
        self,
        hub: SandboxHub,
        database_url: str,
        admin: HubClient,
        servers: Sequence[ManagedClusterServer],
        folder: Path,
    ) -> None:
        super().__init__(hub, database_url, admin)
        self._free = list(servers)
        self._taken: list[ManagedClusterServer] = []
        self._folder = folder
        self.poll = "10s"
        """How often agents read feedback by themselves. Klusterlets on single-node clusters are
        told 60s, which is longer than a test should wait where no watch has begun."""

    def new_player(self, client: HubClient, spec: FleetSpec) -> sim.Player:
        return sim.Player(client, spec, cluster_type=self._cluster)

    def _cluster(
        self, name: str, spec: FleetSpec, faults: tuple[Fault, ...], now: float
    ) -> RealCluster:
        server = self._free.pop(0)
        self._taken.append(server)
        return RealCluster(server, name, spec, faults, now)

    def real(self, name: str) -> RealCluster:
        found = self.cluster(name)
        assert isinstance(found, RealCluster)
        return found

    async def fleet(self, **spec: Any) -> sim.Player:
        player = await super().fleet(**spec)
        clusters = [self.real(name) for name in player.clusters]
        await join(self.hub, self.admin, clusters, self._folder, self.poll)
        for each in clusters:
            follows = each.follow(player.touch)
            self._tasks[f"watches of {each.name}"] = asyncio.create_task(follows)
            player.touch(each)
        return player

    async def close(self) -> None:
        for server in self._taken:
            server.agent.leave()
        try:
            await super().close()
        finally:
            for server in self._taken:
                server.reset()

    async def _told(self) -> str:
        logs = [f"a work agent: {server.agent.log()}" for server in self._taken]
        return "\n".join([await super()._told(), *logs])


@asynccontextmanager
async def real_scene(
    hub: SandboxHub, database_url: str, servers: Sequence[ManagedClusterServer], folder: Path
) -> AsyncIterator[RealScene]:
    async with await HubClient.with_token(hub.url, hub.token("admin"), str(hub.ca_file)) as admin:
        made = RealScene(hub, database_url, admin, servers, folder)
        await made.clear()
        try:
            yield made
        finally:
            await made.close()

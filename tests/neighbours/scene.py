"""A scene whose clusters have real API servers and real work agents."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import yaml

from ibgu.hub.client import HubClient
from ibgu.sandbox.hub import SandboxHub
from ibgu.sandbox.users import write_kubeconfig
from ibgu.sim import player as sim
from ibgu.sim.faults import Fault
from ibgu.sim.spec import FleetSpec
from tests.e2e.harness import Scene
from tests.neighbours import klusterlet
from tests.neighbours.cluster import RealCluster
from tests.neighbours.server import ManagedClusterServer

_TOKENS = "/api/v1/namespaces/{}/serviceaccounts/{}/token"


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
        await self.apply(yaml.safe_dump_all(klusterlet.on_the_hub(list(player.clusters))))
        for name in player.clusters:
            self.real(name).server.join(name, await self._credentials(name), self.poll)
            follows = self.real(name).follow(player.touch)
            self._tasks[f"watches of {name}"] = asyncio.create_task(follows)
            player.touch(self.real(name))
        return player

    async def _credentials(self, cluster: str) -> Path:
        path = _TOKENS.format(cluster, klusterlet.ACCOUNT)
        body = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}
        answer = json.loads(await self.admin.request("POST", path, body=body))
        file = self._folder / f"{cluster}.kubeconfig"
        return write_kubeconfig(file, self.hub.url, self.hub.ca_file, answer["status"]["token"])

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

"""The servers of one measurement, and what is started beside them."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from msgspec import Struct

from ibgu.core.model.kinds import JsonObject
from ibgu.hub import paths
from ibgu.hub.client import HubClient
from ibgu.sandbox.hub import SandboxHub
from ibgu.sandbox.postgres import EmbeddedPostgres
from ibgu.sandbox.servers import free_port
from ibgu.sim.player import Player, simulate
from ibgu.sim.spec import FleetSpec
from tests.benchmarks.process import environment_of

FLEET = "bench"
"""Label `fleet` of all clusters."""


class Stage(Struct, frozen=True):
    folder: Path
    postgres: str
    listen: str
    kubeconfig: str
    fleet: HubClient
    admin: HubClient

    @property
    def environment(self) -> dict[str, str]:
        return environment_of(Path(self.kubeconfig), self.postgres, self.listen)

    async def apply(self, name: str, slots: int) -> None:
        await self.admin.request("POST", paths.ibgus("default"), body=_ibgu(name, slots))

    async def status(self, name: str) -> JsonObject:
        found = await self.admin.get(paths.ibgu("default", name), dict[str, Any])
        status: JsonObject = found.get("status") or {}
        return status

    async def finished(self, name: str) -> None:
        while True:
            await asyncio.sleep(0.5)
            if (await self.status(name)).get("completedAt"):
                return


@asynccontextmanager
async def stage(folder: Path, *, audit_log: Path | None = None) -> AsyncIterator[Stage]:
    async with EmbeddedPostgres() as postgres, SandboxHub(audit_log=audit_log) as hub:
        ca = str(hub.ca_file)
        fleet = await HubClient.with_token(hub.url, hub.token("fleet"), ca)
        admin = await HubClient.with_token(hub.url, hub.token("admin"), ca)
        async with fleet, admin:
            listen = f"127.0.0.1:{free_port()}"
            kubeconfig = str(hub.kubeconfig("ibgu"))
            yield Stage(folder, postgres.url, listen, kubeconfig, fleet, admin)


@asynccontextmanager
async def agents(
    client: HubClient, names: Iterable[str], durations: str, seed: int
) -> AsyncIterator[Player]:
    """Plays the agents of these clusters, which come to the hub if they are not there."""
    names = tuple(names)
    spec = FleetSpec.parse(
        count=len(names), names=names, seed=seed, durations=durations, labels=[f"fleet={FLEET}"]
    )
    ready: asyncio.Future[Player] = asyncio.get_running_loop().create_future()
    playing = asyncio.create_task(simulate(client, spec, ready=ready.set_result))
    try:
        await asyncio.wait((playing, ready), return_when=asyncio.FIRST_COMPLETED)
        yield await ready
    finally:
        playing.cancel()
        await asyncio.wait({playing})


def _ibgu(name: str, slots: int) -> JsonObject:
    strategy = {"maxConcurrency": slots, "timeout": 240}
    seed = {"image": "registry.example.com/seed:1", "version": "4.17.0"}
    return {
        "apiVersion": "lcm.openshift.io/v1alpha1",
        "kind": "ImageBasedGroupUpgrade",
        "metadata": {"name": name, "namespace": "default"},
        "spec": {
            "clusterLabelSelectors": [{"matchLabels": {"fleet": FLEET}}],
            "ibuSpec": {"seedImageRef": seed},
            "plan": [{"actions": ["Prep"], "rolloutStrategy": strategy}],
        },
    }

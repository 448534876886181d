"""The end-to-end scene with its parts as processes: what can be killed, paused and cut off."""

import asyncio
import json
from base64 import urlsafe_b64decode
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import asyncpg
from sqlalchemy.exc import SQLAlchemyError

from ibgu.core.drivers.ibu.actions import LABEL_PREFIX
from ibgu.hub import paths
from ibgu.hub.client import HubClient
from ibgu.hub.election.times import LeaseTimes
from ibgu.hub.errors import HubError
from ibgu.sandbox.hub import SandboxHub
from ibgu.sandbox.users import SERVICE_ACCOUNT, SYSTEM_NAMESPACE, write_kubeconfig
from ibgu.sim.player.setup import patiently
from tests.chaos.invariants import Event, Record, breaches
from tests.chaos.pod import Pod
from tests.chaos.proxy import Proxy, before_hub, before_postgres
from tests.e2e.harness import Scene
from tests.e2e.manifests import Object, ibgu, step

LEASE_SECONDS = LeaseTimes().duration
ENVIRONMENT = {"IBGU_WATCH_SILENCE_SECONDS": "75"}
"""The Lease is the default one."""
PREP_AND_UPGRADE = (("Prep",), ("Upgrade",))
FLUSHED = 0.5
"""Seconds until the API server has written its audit log."""
AWAY = (HubError, OSError, asyncpg.PostgresError, asyncpg.InterfaceError, SQLAlchemyError)
"""What a question may end in while someone is away."""


class Chaos(Scene):
    """`folder` takes kubeconfigs and logs."""

    def __init__(
        self, hub: SandboxHub, database_url: str, admin: HubClient, folder: Path, seed: int
    ) -> None:
        super().__init__(hub, database_url, admin)
        self.seed = seed
        self.pods: list[Pod] = []
        self._plan: tuple[tuple[str, ...], ...] = ()
        self._epoch = 0
        self._terms: dict[int, tuple[float, str]] = {}
        """Epoch -> since when, and who."""
        self._folder = folder
        self._networks = AsyncExitStack()

    # -- the stack -----------------------------------------------------------------------------

    async def pod(
        self, name: str = "ibgu-0", *, hub_url: str = "", database_url: str = "", **settings: str
    ) -> Pod:
        """A controller with a token of its own, up; other addresses lead through a proxy."""
        token = await self.kubectl(
            *("create", "token", SERVICE_ACCOUNT, "-n", SYSTEM_NAMESPACE, "--duration=24h")
        )
        kubeconfig = write_kubeconfig(
            self._folder / f"{name}.kubeconfig",
            hub_url or self.hub.url,
            self.hub.ca_file,
            token.strip(),
        )
        environment = {
            **ENVIRONMENT,
            "KUBECONFIG": str(kubeconfig),
            "DATABASE_URL": database_url or self.database_url,
            **settings,
        }
        pod = Pod(name, environment, self._folder, credential=_credential(token))
        self.pods.append(pod)
        pod.up()
        return pod

    async def before_hub(self) -> tuple[Proxy, str]:
        """A network between a controller and the API server, and the URL through it."""
        return await self._networks.enter_async_context(before_hub(self.hub.url))

    async def before_postgres(self) -> tuple[Proxy, str]:
        return await self._networks.enter_async_context(before_postgres(self.database_url))

    async def close(self) -> None:
        for pod in self.pods:
            await pod.remove()
        await self._networks.aclose()
        await super().close()

    # -- questions, with patience for a hub that has just come back ------------------------------

    async def get(self, path: str) -> Object:
        ask = super().get
        return await patiently(lambda: ask(path))

    async def items(self, path: str, selector: str = "") -> list[Object]:
        ask = super().items
        return await patiently(lambda: ask(path, selector))

    # -- the rollout ---------------------------------------------------------------------------

    async def roll_out(
        self, clusters: int, most: int, *plan: tuple[str, ...], **fleet: Any
    ) -> None:
        """[Prep][Upgrade] on a fleet whose stages take seconds; a few of its Preps fail."""
        given = {"durations": "80s-240s", "faults": ["prep.precache=0.05"], **fleet}
        await self.fleet(count=clusters, seed=self.seed, **given)
        self._plan = plan or PREP_AND_UPGRADE
        steps = (step(*actions, most=most) for actions in self._plan)
        await self.apply(ibgu("chaos", *steps, fleet=self.label))

    @property
    def done(self) -> int:
        """Stages that have come to an end, as the clusters themselves know it."""
        assert self.player is not None
        every = [run for each in self.player.clusters.values() for run in each.timeline.runs]
        return sum(run.ended is not None for run in every)

    @property
    def total(self) -> int:
        """Stages that are to be gone through."""
        assert self.player is not None
        failing = sum(map(bool, self.player.spec.faults_by_cluster().values()))
        actions = sum(map(len, self._plan))
        return actions * (len(self.player.clusters) - failing) + failing

    async def progress(self, stages: int, seconds: float = 120) -> None:
        """Wait until so many stages more have ended, or all have."""
        aim = min(self.done + stages, self.total)
        await self.until(lambda: self.done >= aim, f"{aim} stages to end", seconds)

    async def leads(self, pod: Pod, seconds: float = 180) -> None:
        """Wait until the pod has taken the lead since the last time that it was asked for."""

        async def it_does() -> bool:
            epoch, leader = await self.leader()
            if epoch <= self._epoch or leader != pod.name:
                return False
            self._epoch = epoch
            return True

        await self.until(it_does, f"{pod.name} to lead", seconds)

    async def leader(self) -> tuple[int, str]:
        """Epoch and name of who was the last to take the lead; (0, "") while nobody can say."""
        with suppress(*AWAY):
            for row in await self.journal("SELECT epoch, leader, led_since FROM hubs"):
                self._terms[row["epoch"]] = (row["led_since"].timestamp(), row["leader"])
                return row["epoch"], row["leader"]
        return 0, ""

    @asynccontextmanager
    async def watching_leaders(self) -> AsyncIterator[None]:
        """Remembers every term, also those that no step of the test waits for."""

        async def watch() -> None:
            while True:
                await self.leader()
                await asyncio.sleep(0.05)

        watching = asyncio.create_task(watch())
        try:
            yield
        finally:
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)

    def led_at(self, moment: float) -> str:
        """Name of the controller that led then, of those terms that `leader` has seen."""
        before = [name for since, name in self._terms.values() if since <= moment]
        return before[-1] if before else ""

    # -- the end -------------------------------------------------------------------------------

    async def unharmed(self, seconds: float = 300) -> Record:
        """The rollout comes to its end, and nothing that must hold is broken: in the history (by
        the oracle), at the clusters, in the labels."""
        await self.until(lambda: self.done >= self.total, "the clusters", seconds)
        await self.completed("chaos", seconds=60)
        await self.certified()
        record = await self.record()
        found = breaches(record)
        assert not found, "\n".join([*found[:20], await self._told()])
        for pod in self.pods:
            assert pod.own_mistakes == 0, pod.told()
            assert pod.crashes == [], pod.told()
        return record

    async def record(self) -> Record:
        rows = await self.journal("SELECT * FROM events ORDER BY seq")
        assert self.player is not None
        clusters = {name: c.timeline.runs for name, c in self.player.clusters.items()}
        return Record([_event(row) for row in rows], clusters, await self._labels())

    async def _labels(self) -> Mapping[str, Mapping[str, str]]:
        found = await self.items(paths.MANAGED_CLUSTERS, f"fleet={self.label}")
        return {
            each["metadata"]["name"]: {
                key.removeprefix(LABEL_PREFIX): value
                for key, value in each["metadata"]["labels"].items()
                if key.startswith(LABEL_PREFIX)
            }
            for each in found
        }

    async def _told(self) -> str:
        logs = [f"-- {pod.name}, crashes {pod.crashes}\n{pod.told()}" for pod in self.pods]
        return "\n".join([await super()._told(), *logs])


def _credential(token: str) -> str:
    """Returns the token's name in the audit log (KEP-4193)."""
    payload = token.split(".")[1]
    claims = json.loads(urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    return f"JTI={claims['jti']}"


def _event(row: Mapping[str, Any]) -> Event:
    return Event(
        kind=row["kind"],
        cluster=row["cluster"],
        run=row["run"],
        data=json.loads(row["data"]),
    )

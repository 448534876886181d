"""Runs the reflectors that keep the mirror in sync with the hub."""

import asyncio
import time
from collections.abc import Iterable
from random import Random
from typing import Any, TypeVar

import structlog

from ibgu import telemetry
from ibgu.controller import naming
from ibgu.controller.mirror.mirror import Mirror
from ibgu.core.engine.driver import Drivers
from ibgu.core.engine.works import work_reader
from ibgu.core.model import names
from ibgu.core.model.kinds import ClusterGroupUpgrade, ManagedCluster, ManifestWork, RolloutObject
from ibgu.core.model.shown import shown_cluster
from ibgu.core.talm import TalmManifestWork, shown_talm_work
from ibgu.core.talm import names as talm
from ibgu.flowcontrol.log_throttle import LogThrottle
from ibgu.hub import paths
from ibgu.hub.decode import BadObject, HasMetadata
from ibgu.hub.discovery import Served
from ibgu.hub.errors import HubError
from ibgu.hub.port import Hub
from ibgu.hub.watching.reflector import Reflector, Sink, Timing, WatchedKind, whole
from ibgu.hub.watching.store import Store
from ibgu.settings import Settings

T = TypeVar("T", bound=HasMetadata)
K = TypeVar("K", bound=HasMetadata)
log = structlog.get_logger("ibgu.watch")


def watch_timing(settings: Settings) -> Timing:
    return Timing(relist=settings.relist_seconds, silence=settings.watch_silence_seconds)


class Watches:
    """Watches runs one reflector for each kind that ibgu reads, and knows whether all are in
    sync."""

    def __init__(
        self,
        drivers: Drivers,
        client: Hub,
        mirror: Mirror,
        served: Served,
        settings: Settings,
        rng: Random,
    ) -> None:
        self._rng = rng
        self._client = client
        self._mirror = mirror
        self._timing = watch_timing(settings)
        self._streaming = served.streaming_lists
        self._errors: dict[str, HubError] = {}
        """The last error of each kind."""
        self._log_throttle = LogThrottle(time.monotonic)
        self._again = asyncio.Event()
        self._restarted = asyncio.Event()
        self._all: dict[str, Reflector[Any, Any]] = {
            **{
                paths.ROLLOUT_KINDS[kind][1]: self._rollouts(kind)
                for kind in mirror.objects.stores
                if kind in drivers and (kind == names.IBGU or served.fleet_updates)
            },
            "managedclusters": self._reflect(
                WatchedKind(paths.MANAGED_CLUSTERS, ManagedCluster, shown_cluster), mirror.clusters
            ),
            "manifestworks": self._reflect(
                WatchedKind(paths.works(), ManifestWork, work_reader(drivers), names.SELECTOR),
                mirror.works,
            ),
        }
        if served.cgus:
            self._all["clustergroupupgrades"] = self._reflect(
                WatchedKind(paths.cgus(), ClusterGroupUpgrade, whole), mirror.cgus
            )
            self._all["talm-manifestworks"] = self._reflect(
                WatchedKind(paths.works(), TalmManifestWork, shown_talm_work, talm.CGU),
                mirror.talm,
            )

    def _rollouts(self, kind: str) -> Reflector[Any, Any]:
        watched = WatchedKind(paths.rollout_objects(kind), RolloutObject, whole)
        return self._reflect(watched, self._mirror.objects.stores[kind])

    def _reflect(self, kind: WatchedKind[T, K], sink: Sink[K]) -> Reflector[T, K]:
        name = kind.path.rsplit("/", 1)[-1]
        return Reflector(
            self._client,
            kind,
            sink,
            streaming=self._streaming,
            timing=self._timing,
            on_bad=lambda bad: self._bad(name, bad),
            on_error=lambda error: self._failed(name, error),
            rng=self._rng,
        )

    def _bad(self, kind: str, bad: BadObject) -> None:
        telemetry.BAD_OBJECTS.labels(kind).inc()
        about = naming.of_object(kind, bad.metadata.namespace, bad.metadata.name)
        log.error("malformed object skipped", kind=kind, **about, error=str(bad))

    def _failed(self, kind: str, error: HubError) -> None:
        self._errors[kind] = error
        if self._log_throttle.due(kind, str(error)):
            log.warning("watch interrupted", kind=kind, error=str(error))

    async def run(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            while True:
                running = [tasks.create_task(each.run()) for each in self._all.values()]
                await self._again.wait()
                self._again.clear()
                for task in running:
                    task.cancel()
                await asyncio.wait(running)
                for reflector in self._all.values():
                    reflector.mark_out_of_sync()
                    reflector.synced.clear()
                self._restarted.set()

    async def require(self, kinds: Iterable[str]) -> bool:
        """Watches these kinds of rollouts too, and returns whether one is new. Waits until the hub
        has listed them: an object that nobody has looked for must not count as deleted."""
        new = [kind for kind in kinds if paths.ROLLOUT_KINDS[kind][1] not in self._all]
        for kind in new:
            log.warning("watching a kind whose CRD was not served at the start", kind=kind)
            self._all[paths.ROLLOUT_KINDS[kind][1]] = self._rollouts(kind)
        if new:
            await self.relist()
        return bool(new)

    async def relist(self) -> None:
        """Lists everything again: after a restore no watch can be trusted."""
        self._restarted.clear()
        self._again.set()
        await self._restarted.wait()
        await self.synced()

    async def synced(self) -> None:
        for reflector in self._all.values():
            await reflector.synced.wait()

    @property
    def gaps(self) -> int:
        """Number of gaps in the mirror's view of the hub, so far."""
        return sum(reflector.gaps for reflector in self._all.values())

    @property
    def in_sync(self) -> bool:
        return all(reflector.in_sync for reflector in self._all.values())

    @property
    def errors(self) -> str:
        """The hub's last errors for the watches that are not in sync."""
        errors = [
            f": {kind}: {self._errors[kind]}"
            for kind, reflector in self._all.items()
            if not reflector.in_sync and kind in self._errors
        ]
        return "".join(errors)

    def sizes(self) -> dict[str, int]:
        mirror = self._mirror
        stores: dict[str, Store[Any]] = {
            **mirror.objects.by_plural(),
            "clusters": mirror.clusters,
            "works": mirror.works,
        }
        return {name: len(store) for name, store in stores.items()}

    def measure(self) -> None:
        now = asyncio.get_running_loop().time()
        for kind, reflector in self._all.items():
            telemetry.WATCH_AGE.labels(kind).set(now - reflector.last_heard)

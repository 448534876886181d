"""Plays a fleet: the hub's watch in, the clusters' patches out, one timer heap for all."""

import asyncio
import heapq
from collections.abc import Callable, Collection, Iterable
from contextlib import suppress

from msgspec import DecodeError

from ibgu.core.model.kinds import ManagedCluster, ObjectMeta
from ibgu.hub import paths
from ibgu.hub.decode import HasMetadata
from ibgu.hub.port import Hub
from ibgu.hub.watching.reflector import Reflector, WatchedKind, whole
from ibgu.hub.watching.store import Key
from ibgu.sim.clock import NEVER
from ibgu.sim.cluster import SimulatedCluster
from ibgu.sim.faults import Fault
from ibgu.sim.player.clock import SteadyClock
from ibgu.sim.player.sender import PatchSender
from ibgu.sim.player.setup import CreatedCluster, create_cluster, create_fleet, persist
from ibgu.sim.spec import FleetSpec
from ibgu.sim.wire import WorkEvent, WorkMeta

_BATCH = 64

NewCluster = Callable[[str, FleetSpec, tuple[Fault, ...], float], SimulatedCluster]
"""Makes a cluster from its name, its fleet's spec, its faults and the time."""


class Player:
    """Player needs `create`, then `run`; `synced` is set once the works of the hub are known.

    `clusters` may be read and acted on by hand at any time from the same loop; call `touch`
    afterwards (`act` does both).
    """

    def __init__(
        self,
        client: Hub,
        spec: FleetSpec,
        clock: SteadyClock | None = None,
        *,
        cluster_type: NewCluster = SimulatedCluster,
    ) -> None:
        self._cluster_type = cluster_type
        self.client = client
        self.spec = spec
        self.clock = clock or SteadyClock()
        self.clusters: dict[str, SimulatedCluster] = {}
        self.sender = PatchSender(client, self.clock.now, self.touch)
        self.synced = asyncio.Event()
        self._wake = asyncio.Event()
        self._due: dict[str, SimulatedCluster] = {}
        self._timers: list[tuple[float, str]] = []
        self._timer_of: dict[str, float] = {}

    # -- life ------------------------------------------------------------------------------------

    async def create(self) -> None:
        """Makes the fleet on the hub. Raises ForeignCluster, HubError."""
        faults = self.spec.faults_by_cluster()
        made = await create_fleet(self.client, self.spec, faults)
        for name, given in faults.items():
            self._born(name, given, made[name])

    async def add(self, name: str) -> None:
        """Adds one more cluster, without faults. Raises ForeignCluster, HubError."""
        self._born(name, (), await create_cluster(self.client, self.spec, name))

    def _born(self, name: str, faults: tuple[Fault, ...], made: CreatedCluster) -> None:
        cluster = self._cluster_type(name, self.spec, faults, self.clock.now())
        self._join(cluster, made)
        self.clusters[name] = cluster
        self.touch(cluster)

    async def run(self) -> None:
        """Runs until cancelled; an error of any part ends it."""
        reflector = Reflector(
            self.client,
            WatchedKind(paths.works(), WorkEvent, whole),
            WorkSink(self),
            rng=self.spec.random("player"),
        )
        async with asyncio.TaskGroup() as group:
            group.create_task(reflector.run())
            group.create_task(self.sender.run())
            group.create_task(self._keep_time())

    # -- by hand ---------------------------------------------------------------------------------

    def touch(self, cluster: SimulatedCluster) -> None:
        """Queues the cluster, because something about it has changed."""
        self._due[cluster.name] = cluster
        self._wake.set()

    def act(self, name: str, deed: Callable[[SimulatedCluster, float], None]) -> None:
        """Acts on a cluster by hand: `act("spoke1", Cluster.delete_ibu)`."""
        cluster = self.clusters[name]
        deed(cluster, self.clock.now())
        self.touch(cluster)

    async def delete_managed_cluster(self, name: str) -> None:
        """Deletes the ManagedCluster; its works stay where they are. Raises HubError."""
        await persist(self.client, "DELETE", paths.managed_cluster(name))
        self.clusters[name].registration.joined("")

    async def recreate_managed_cluster(self, name: str) -> ManagedCluster:
        """Creates a new ManagedCluster under the old name, with a new uid. Raises HubError."""
        made = await create_cluster(self.client, self.spec, name)
        self._join(self.clusters[name], made)
        self.touch(self.clusters[name])
        return made.cluster

    def _join(self, cluster: SimulatedCluster, made: CreatedCluster) -> None:
        published = self.spec.version if made.fresh else ""
        cluster.registration.joined(made.cluster.metadata.uid, published)

    # -- time ------------------------------------------------------------------------------------

    async def _keep_time(self) -> None:
        while True:
            self._wake.clear()
            self._collect_timers()
            for number, name in enumerate(list(self._due)):
                self._turn(self._due.pop(name))
                if number % _BATCH == _BATCH - 1:
                    await asyncio.sleep(0)
            await self._sleep()

    async def _sleep(self) -> None:
        if self._due:
            return
        if not self._timers:
            await self._wake.wait()
            return
        until = self.clock.monotonic(self._timers[0][0])
        alarm = asyncio.get_running_loop().call_at(until, self._wake.set)
        try:
            await self._wake.wait()
        finally:
            alarm.cancel()

    def _collect_timers(self) -> None:
        now = self.clock.now()
        while self._timers and self._timers[0][0] <= now:
            at, name = heapq.heappop(self._timers)
            if self._timer_of.get(name) == at:
                del self._timer_of[name]
                self._due[name] = self.clusters[name]

    def _turn(self, cluster: SimulatedCluster) -> None:
        for patch in cluster.advance(self.clock.now()):
            self.sender.submit(cluster, patch)
        at = cluster.next_at
        if at < NEVER and at != self._timer_of.get(cluster.name):
            self._timer_of[cluster.name] = at
            heapq.heappush(self._timers, (at, cluster.name))


class WorkSink:
    """WorkSink is the reflector's sink: it passes every ManifestWork to the cluster of its
    namespace."""

    def __init__(self, player: Player) -> None:
        self._player = player

    def listing(self) -> None:
        """Does nothing: the clusters keep what they know until it is replaced."""

    def answered(self, resource_version: str) -> None:
        """Returns None: each agent knows by itself what it has written."""

    def echo(self, metadata: ObjectMeta) -> None:
        """Does nothing: no echo is ever delivered."""

    def progress(self, resource_version: str) -> None:
        """Does nothing: the clusters do not need the watch's progress."""

    def replace(
        self, items: Iterable[WorkEvent], resource_version: str, *, unread: Collection[Key]
    ) -> None:
        seen = set(unread)
        for work in items:
            seen.add((work.metadata.namespace, work.metadata.name))
            self._forget_newer(work.metadata)
            self.upsert(work)
        for cluster in self._player.clusters.values():
            for name, held in list(cluster.agent.works.items()):
                if (cluster.name, name) not in seen:
                    cluster.forget(name, held.work.metadata.uid)
        self._player.synced.set()

    def _forget_newer(self, listed: WorkMeta) -> None:
        """Restarts an agent that knows more than the list, which is a restored hub's."""
        cluster = self._player.clusters.get(listed.namespace)
        held = cluster.agent.works.get(listed.name) if cluster is not None else None
        if cluster is not None and held is not None and held.work.metadata.newer_than(listed):
            cluster.forget(listed.name, listed.uid)

    def upsert(self, obj: WorkEvent) -> None:
        """Passes the work on; an agent can't read a malformed one either."""
        cluster = self._player.clusters.get(obj.metadata.namespace)
        if cluster is None or cluster.agent.knows(obj.metadata):
            return
        with suppress(DecodeError):
            cluster.observe(obj.whole(), self._player.clock.now())
            self._player.touch(cluster)

    def delete(self, obj: HasMetadata) -> None:
        cluster = self._player.clusters.get(obj.metadata.namespace)
        if cluster is not None:
            cluster.forget(obj.metadata.name, obj.metadata.uid)
            self._player.touch(cluster)

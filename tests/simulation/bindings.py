"""Simulates the hub's cluster sets: their clusters, what is bound to the IBGUs' namespace, and
when."""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Iterable
from random import Random

from ibgu.core.plan.tenancy import CLUSTER_SET_LABEL
from ibgu.hub import paths
from ibgu.hub.decode import ObjectIdentity
from ibgu.sim.hub import MemoryClient, MemoryHub
from ibgu.sim.hub.kinds import CLUSTER_SET_BINDINGS, CLUSTER_SETS
from tests.simulation.faults import Fault
from tests.simulation.plans import Object

SETS = ("north", "south")
_HOMES = ("north", "north", "south", "south", None)
"""Some clusters are in no set."""
_NAMESPACE = "default"


class Bindings:
    """Bindings uses the loop's times. A re-created cluster is in no set any more."""

    def __init__(self, hub: MemoryHub, seed: int) -> None:
        self._client = MemoryClient(hub, "people")
        self._rng = Random(f"{seed}/homes")
        self._homes: dict[str, str] = {}
        """Keyed by ManagedCluster uid."""
        self._away: Counter[str] = Counter()
        """Number of faults that keep a set unbound now."""
        self._bound: defaultdict[str, list[list[float]]] = defaultdict(list)
        """The times from when to when."""

    async def fill(self, clusters: Iterable[str]) -> None:
        for name in SETS:
            await self._client.request("POST", paths.CLUSTER_SETS, body=_body(name))
            await self._bind(name)
        for cluster in clusters:
            home = self._rng.choice(_HOMES)
            if home is not None:
                await self._put(cluster, home)

    async def happen(self, fault: Fault) -> None:
        """Unbinds a set for the fault's seconds."""
        name = SETS[fault.n % len(SETS)]
        if not self._away[name]:
            await self._client.request("DELETE", _path(name))
            self._bound[name][-1][1] = self._now()
        self._away[name] += 1
        await asyncio.sleep(fault.seconds)
        self._away[name] -= 1
        if not self._away[name]:
            await self._bind(name)

    def allowed(self, cluster_uid: str, since: float, until: float) -> bool:
        """Returns whether the namespace might take the cluster at any time in between."""
        home = self._homes.get(cluster_uid)
        spans = self._bound[home] if home is not None else []
        return any(first <= until and last >= since for first, last in spans)

    async def _bind(self, name: str) -> None:
        where = paths.cluster_set_bindings(_NAMESPACE)
        await self._client.request("POST", where, body=_binding(name))
        self._bound[name].append([self._now(), float("inf")])

    async def _put(self, cluster: str, home: str) -> None:
        body = {"metadata": {"labels": {CLUSTER_SET_LABEL: home}}}
        path = paths.managed_cluster(cluster)
        await self._client.request("PATCH", path, body=body, content_type=paths.MERGE_PATCH)
        found = await self._client.get(path, ObjectIdentity)
        self._homes[found.metadata.uid] = home

    @staticmethod
    def _now() -> float:
        return asyncio.get_running_loop().time()


def _body(name: str) -> Object:
    kind = CLUSTER_SETS
    return {
        "apiVersion": kind.api_version,
        "kind": kind.kind,
        "metadata": {"name": name},
        "spec": {},
    }


def _binding(name: str) -> Object:
    kind = CLUSTER_SET_BINDINGS
    head = {"apiVersion": kind.api_version, "kind": kind.kind, "metadata": {"name": name}}
    return {**head, "spec": {"clusterSet": name}}


def _path(name: str) -> str:
    return f"{paths.cluster_set_bindings(_NAMESPACE)}/{name}"

"""Proofs of how clusters are: conditions of their ManagedClusters, objects on the clusters,
policies of Open Cluster Management, and sources that are asked (R50.16, R50.18)."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime
from random import Random
from typing import Any, Protocol
from unittest.mock import patch

from msgspec import Struct
from msgspec.structs import replace

from ibgu.controller import service
from ibgu.controller.sources import questions
from ibgu.core.drivers.canary_health.metrics import RESOLUTION, UnusableAnswer
from ibgu.core.drivers.canary_health.objects import MASTER, OPERATORS
from ibgu.core.engine.state.health_observations import HealthFinding, MetricQuestion
from ibgu.core.model import ClusterView
from ibgu.core.notify import HealthSource
from ibgu.hub import paths
from ibgu.hub.errors import HubError
from ibgu.hub.policies import REPLICATED
from ibgu.sim.cluster import SimulatedCluster
from ibgu.sim.hub import MemoryClient, MemoryHub
from ibgu.sim.hub.kinds import SEED_IMAGES
from ibgu.sim.player import Player
from ibgu.sim.registration import ReportedCondition
from ibgu.sim.spoke import key_of
from tests.core.drivers.canary_health.cluster import Objects, conditions, manifests, objects, pool
from tests.simulation.course import Course

CONDITIONS, OPERATING, NODES = "conditions", "operators", "nodes"
COMPLIANCE, METRICS = "policies", "metrics"
PROOFS = (OPERATING, NODES, COMPLIANCE, METRICS, METRICS, METRICS)
POWER = "example.com/Power"
"""The condition of ManagedClusters that a monitoring sets."""
ELSEWHERE = "elsewhere"
"""The source that ibgu does not know."""
BOUND_POLICIES = replace(
    SEED_IMAGES,
    group="policy.open-cluster-management.io",
    version="v1",
    kind="Policy",
    plural="policies",
    namespaced=True,
)
"""The kind of a hub that serves policies of Open Cluster Management, which it does not validate."""
_WELL, _BROKEN = "True", "False"
_BOUND = "ztp-site.config"
_DNS = next(each for each in OPERATORS if each.name == "dns")
_SOURCE = HealthSource(name=METRICS, url="https://metrics.example.com")


def checks(proof: str, source: str = "") -> dict[str, Any]:
    """Returns what a policy asks for; `source`: the source that it names, if any."""
    match proof:
        case "operators":
            return {"clusterOperators": True}
        case "nodes":
            return {"nodes": True}
        case "policies":
            return {"policies": True}
        case "metrics":
            query = 'cells_up{cluster="$cluster"}'
            return {"metrics": [{"source": source or METRICS, "query": query}]}
    return {"conditions": [{"type": POWER}]}


class HealthProof(Protocol):
    """HealthProof shows how clusters are, to all who ask."""

    async def begin(self, clusters: Mapping[str, SimulatedCluster]) -> None:
        """Sets up what shows it."""

    async def say(self, cluster: str, says: str) -> None:
        """Shows it of one cluster from now on."""

    def keep(self) -> None:
        """Shows again what a cluster has lost."""


def health_proof(proof: str, hub: MemoryHub, player: Player) -> HealthProof:
    match proof:
        case "operators" | "nodes":
            return _OnCluster(player, proof, hub.now)
        case "policies":
            return _Policies(hub)
        case "metrics":
            return Sources()
    return _Condition(player)


class _Lasting:
    """_Lasting is shown where clusters can't lose it."""

    async def begin(self, clusters: Mapping[str, SimulatedCluster]) -> None:
        return

    def keep(self) -> None:
        return


class _Condition(_Lasting):
    def __init__(self, player: Player) -> None:
        self._player = player

    async def say(self, cluster: str, says: str) -> None:
        def said(cluster: SimulatedCluster, now: float) -> None:
            condition = ReportedCondition(POWER, says, now)
            cluster.registration.reported = (condition,) if says else ()

        self._player.act(cluster, said)


class _OnCluster:
    """_OnCluster has an operator or a pool of nodes on the cluster itself say it, with the time of
    the change. A cluster that has booted into another stateroot has none of them before."""

    def __init__(self, player: Player, proof: str, now: Callable[[], float]) -> None:
        self._player = player
        self._proof = proof
        self._now = now
        self._shown: dict[str, tuple[int, Objects]] = {}
        """What each cluster has, and how often it had booted by then."""

    async def begin(self, clusters: Mapping[str, SimulatedCluster]) -> None:
        for name in clusters:
            self._show(name, objects())

    def keep(self) -> None:
        for name, (boots, shown) in list(self._shown.items()):
            if self._player.clusters[name].spoke.boots != boots:
                self._show(name, shown)

    def _show(self, name: str, shown: Objects) -> None:
        self._shown[name] = (self._player.clusters[name].spoke.boots, shown)
        self._player.act(name, lambda cluster, now: _put(cluster, now, shown))

    async def say(self, cluster: str, says: str) -> None:
        since = datetime.fromtimestamp(self._now(), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        if self._proof == OPERATING:
            bad = {_WELL: "False", _BROKEN: "True"}.get(says, "Unknown")
            changed: Objects = {_DNS: conditions(since, Available="True", Degraded=bad)}
        else:
            updated = {_WELL: "True", _BROKEN: "False"}.get(says, "Unknown")
            changed = {MASTER: pool(1, 1, since, updated)}
        self._show(cluster, {**objects(), **changed})


def _put(cluster: SimulatedCluster, now: float, changed: Objects) -> None:
    for each in manifests(changed):
        cluster.spoke.delete(key_of(each), now)
        cluster.spoke.create(each, now)


class _Policies(_Lasting):
    """_Policies has the hub's copy of a policy say it: a cluster of which nothing is said has
    none."""

    def __init__(self, hub: MemoryHub) -> None:
        self._client = MemoryClient(hub, "policies")

    async def say(self, cluster: str, says: str) -> None:
        path = f"{paths.policies(cluster)}/{_BOUND}"
        if not says:
            await self._try("DELETE", path)
            return
        body = {
            "apiVersion": "policy.open-cluster-management.io/v1",
            "kind": "Policy",
            "metadata": {"name": _BOUND, "namespace": cluster, "labels": {REPLICATED: "ztp.x"}},
            "spec": {"disabled": False},
        }
        await self._try("POST", paths.policies(cluster), body)
        compliant = {_WELL: "Compliant", _BROKEN: "NonCompliant"}.get(says, "Pending")
        await self._try("PATCH", f"{path}/status", {"status": {"compliant": compliant}})

    async def _try(self, method: str, path: str, body: object = None) -> None:
        """Makes a request. A copy may be there already, or be gone, on a hub that was restored."""
        type_ = paths.MERGE_PATCH if method == "PATCH" else paths.JSON
        try:
            await self._client.request(method, path, body=body, content_type=type_)
        except HubError as error:
            if not (error.conflict or error.not_found):
                raise


class Sources(_Lasting):
    """Sources answer questions about clusters. One of which nothing is known gets no answer."""

    def __init__(self) -> None:
        self._now: Callable[[], float] = lambda: 0.0
        self._said: dict[str, Course[str]] = {}

    async def say(self, cluster: str, says: str) -> None:
        self._said.setdefault(cluster, Course()).note(self._now(), says)

    @contextmanager
    def asked(self, now: Callable[[], float], rng: Random) -> Iterator[None]:
        """Has controllers ask these sources."""
        self._now = now

        @asynccontextmanager
        async def client(source: HealthSource, connections: int) -> AsyncIterator[_SourceClient]:
            yield _SourceClient(self, rng)

        with (
            patch.object(service, "sources_of", lambda settings: (_SOURCE,)),
            patch.object(questions, "source_client", client),
        ):
            yield

    def answer(self, cluster: str, seconds: float) -> HealthFinding:
        """Returns what is said, and was said in the last seconds. Raises UnusableAnswer."""
        now = self._now()
        told = [says for _, says in self._said[cluster].spells((now - seconds, now))]
        if told[-1] not in (_WELL, _BROKEN):
            raise UnusableAnswer("the source does not answer")
        return HealthFinding("it says so", reported=True) if _BROKEN in told else HealthFinding()


class _SourceClient(Struct):
    sources: Sources
    rng: Random

    async def metric(
        self, question: MetricQuestion, cluster: ClusterView, points: int
    ) -> HealthFinding:
        await asyncio.sleep(self.rng.uniform(0.01, 0.5))
        return self.sources.answer(cluster.name, points * RESOLUTION)

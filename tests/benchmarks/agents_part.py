"""Rollouts with a few real work agents: the requests of an action, beside those of the model."""

import asyncio
import tempfile
from argparse import ArgumentParser, Namespace
from collections import Counter
from collections.abc import AsyncIterator, Collection, Iterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import uvloop
from msgspec import Struct

from ibgu.db.migrate import upgrade
from ibgu.hub.client import HubClient
from ibgu.sandbox.demo.sample import NAMESPACES
from ibgu.sandbox.hub import SandboxHub
from ibgu.sandbox.postgres import EmbeddedPostgres
from ibgu.sandbox.users import USERS
from ibgu.sim.cluster import SimulatedCluster
from ibgu.sim.faults import Fault
from ibgu.sim.player.player import Player
from ibgu.sim.spec import FleetSpec
from tests.benchmarks.audit import WORKS, Entry, Requests, read
from tests.benchmarks.case import DURATIONS, Case, otherwise
from tests.benchmarks.report import judge
from tests.benchmarks.rollout import IBGUS, at_rest, carried_out
from tests.benchmarks.warm import ENVIRONMENT, warm
from tests.neighbours.cluster import RealCluster
from tests.neighbours.joining import join
from tests.neighbours.klusterlet import ACCOUNT
from tests.neighbours.server import ManagedClusterServer, managed_clusters

PART = "agents"
_POLL = "60s"
"""How often agents read feedback by themselves, as klusterlets on single-node clusters do."""
_REPORT = ("patch", f"{WORKS}/status")


class Asked(Struct, frozen=True):
    """Asked has what agents asked of the hub about works."""

    by: str
    actions: int
    requests: Requests

    def an_action(self, request: tuple[str, str]) -> float:
        return self.requests[request] / self.actions


class Result(Struct, frozen=True):
    real: Asked
    model: Asked
    hub_cpu: float
    """Seconds."""
    ended_otherwise: int
    """Clusters."""


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--clusters", type=int, default=100)
    parser.add_argument("--real", type=int, default=8, help="clusters with a real work agent")
    parser.add_argument("--share", type=float, default=0.2, help="maxConcurrency / clusters")
    parser.add_argument("--durations", default=DURATIONS, help="of every stage, as 40s-120s")


def run(options: Namespace) -> bool:
    if not 1 <= options.real <= options.clusters:
        raise SystemExit("--real must be from 1 to the number of clusters")
    slots = max(1, round(options.clusters * options.share))
    case = Case(options.clusters, slots, durations=options.durations)
    print(f"\n{case.description}, {options.real} of them with a real work agent")
    return show(measure(case, options.real))


def measure(case: Case, real: int, *, settled: bool = True) -> Result:
    """Carries a rollout out. `settled` as in `rollout.measure`."""
    runner = asyncio.Runner(loop_factory=uvloop.new_event_loop)
    with managed_clusters(real) as servers, tempfile.TemporaryDirectory() as folder, runner:
        return runner.run(_measure(case, servers, Path(folder), settled=settled))


async def _measure(
    case: Case, servers: Sequence[ManagedClusterServer], folder: Path, *, settled: bool
) -> Result:
    log = folder / "audit.log"
    hub = SandboxHub(audit_log=log, namespaces=NAMESPACES, environment=ENVIRONMENT)
    async with EmbeddedPostgres() as postgres, hub:
        fleet = await HubClient.with_token(hub.url, hub.token("fleet"), str(hub.ca_file))
        admin = await HubClient.with_token(hub.url, hub.token("admin"), str(hub.ca_file))
        async with fleet, admin, _played(case, servers, hub, (fleet, admin), folder) as real:
            await upgrade(postgres.url)
            if settled:
                await warm(admin)
                await at_rest()
            status, around = await carried_out(case, hub, postgres.url, admin, folder)
    return Result(
        *asked(read(log), real, case),
        hub_cpu=around.servers["kube-apiserver"],
        ended_otherwise=len(otherwise(case, status["clusters"])),
    )


@asynccontextmanager
async def _played(
    case: Case,
    servers: Sequence[ManagedClusterServer],
    hub: SandboxHub,
    clients: tuple[HubClient, HubClient],
    folder: Path,
) -> AsyncIterator[Collection[str]]:
    """Plays the fleet, whose first clusters have the servers; returns their names."""
    client, admin = clients
    free = iter(servers)

    def born(name: str, spec: FleetSpec, faults: tuple[Fault, ...], now: float) -> SimulatedCluster:
        server = next(free, None)
        if server is None:
            return SimulatedCluster(name, spec, faults, now)
        return RealCluster(server, name, spec, faults, now)

    player = Player(client, case.fleet(), cluster_type=born)
    await player.create()
    real = [each for each in player.clusters.values() if isinstance(each, RealCluster)]
    await join(hub, admin, real, folder, _POLL)
    async with asyncio.TaskGroup() as tasks:
        running = [tasks.create_task(player.run())]
        await player.synced.wait()
        for each in real:
            running.append(tasks.create_task(each.follow(player.touch)))
            player.touch(each)
        yield {each.name for each in real}
        for task in running:
            task.cancel()
        for each in real:
            each.server.agent.leave()


def asked(entries: Sequence[Entry], real: Collection[str], case: Case) -> tuple[Asked, Asked]:
    """Returns what the real agents and the model have asked since the rollout was created."""
    began = min(e.received for e in entries if (e.verb, e.resource) == ("create", IBGUS))
    about = [e for e in entries if e.received >= began and e.resource.startswith(WORKS)]
    model = USERS["fleet"].username
    by_real = (e for e in about if e.user == f"system:serviceaccount:{e.namespace}:{ACCOUNT}")
    by_model = (e for e in about if e.user == model and e.namespace)
    actions = sum(map(len, case.plan))
    return (
        _asked("real agents", len(real) * actions, by_real),
        _asked("the model", (case.clusters - len(real)) * actions, by_model),
    )


def _asked(by: str, actions: int, entries: Iterator[Entry]) -> Asked:
    return Asked(by, actions, Counter((each.verb, each.resource) for each in entries))


def show(result: Result) -> bool:
    """Prints it; returns whether every figure is within its bound."""
    good = judge(figures(result), PART)
    for line in _table(result):
        print(f"    {line}")
    actions = result.real.actions + result.model.actions
    print(f"    the API server took {1000 * result.hub_cpu / actions:.1f} ms of CPU an action")
    return good


def figures(result: Result) -> dict[str, float]:
    real, model = (each.an_action(_REPORT) for each in (result.real, result.model))
    return {
        "reports_of_real_to_the_model": real / model,
        "ended_otherwise": result.ended_otherwise,
    }


def _table(result: Result) -> Iterator[str]:
    """Markdown, for docs/performance.md."""
    yield f"| requests about works, an action | {result.real.by} | {result.model.by} |"
    yield "|---|---|---|"
    for request in sorted(result.real.requests | result.model.requests):
        real, model = (each.an_action(request) for each in (result.real, result.model))
        yield f"| {' '.join(request)} | {real:.1f} | {model:.1f} |"

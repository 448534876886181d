"""One rollout on the sandbox hub, measured from outside the controller."""

import asyncio
import json
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import uvloop
from msgspec import Struct

from ibgu.db.migrate import upgrade
from ibgu.hub import paths
from ibgu.hub.client import HubClient
from ibgu.sandbox.hub import SandboxHub
from ibgu.sandbox.postgres import EmbeddedPostgres
from ibgu.sandbox.servers import free_port
from ibgu.sandbox.users import USERS
from ibgu.sim.player.player import Player
from ibgu.sim.player.simulate import simulate
from ibgu.sim.spec import FleetSpec
from ibgu.sim.timeline import StageRun
from tests.benchmarks.audit import WORKS, Entry, Moments, Requests, read, requests
from tests.benchmarks.bound import handovers, list_schedule
from tests.benchmarks.ledger import Costs, costs
from tests.benchmarks.process import Machine, Usage, controller
from tests.benchmarks.warm import ENVIRONMENT, warm

NAME = "bench"
STAGES = ("Prep", "Upgrade")
DURATIONS = "2s-6s"
RESTING = 0.9
"""Share of the machine's time that is idle when nothing is under way."""


class Around(Struct, frozen=True):
    """What it took, beside time."""

    usage: Usage
    idle: float
    """Share of the machine's time, while the rollout went on."""
    journal: Costs


class Result(Struct, frozen=True):
    clusters: int
    slots: int
    makespan: float
    """Seconds, from the first start at a cluster to the last end."""
    bound: float
    handovers: list[float]
    requests: Requests
    around: Around
    failed: int
    answers: list[float]
    """Seconds that the API server took for the agents' feedback: what it can do beside all else."""


def measure(clusters: int, slots: int, seed: int, durations: str = DURATIONS) -> Result:
    """The fleet has ibgu's loop: it shares the machine, and is not what is measured."""
    runner = asyncio.Runner(loop_factory=uvloop.new_event_loop)
    with tempfile.TemporaryDirectory() as folder, runner:
        return runner.run(_measure(fleet_of(clusters, seed, durations), slots, Path(folder)))


def fleet_of(clusters: int, seed: int, durations: str = DURATIONS) -> FleetSpec:
    return FleetSpec.parse(count=clusters, seed=seed, durations=durations, labels=[f"fleet={NAME}"])


async def _measure(spec: FleetSpec, slots: int, folder: Path) -> Result:
    log = folder / "audit.log"
    hub = SandboxHub(audit_log=log, environment=ENVIRONMENT)
    async with EmbeddedPostgres() as postgres, hub:
        environment = {
            "KUBECONFIG": str(hub.kubeconfig("ibgu")),
            "DATABASE_URL": postgres.url,
            "IBGU_LISTEN": f"127.0.0.1:{free_port()}",
            "IBGU_LOG_LEVEL": "warning",
        }
        fleet = await HubClient.with_token(hub.url, hub.token("fleet"), str(hub.ca_file))
        admin = await HubClient.with_token(hub.url, hub.token("admin"), str(hub.ca_file))
        async with fleet, admin, asyncio.TaskGroup() as tasks:
            player = await play(tasks, fleet, spec)
            await upgrade(postgres.url)
            await warm(admin)
            await at_rest()
            before = await costs(postgres.url)
            with controller(environment, folder / "ibgu.log") as process:
                machine = Machine()
                status = await roll_out(admin, slots)
                idle, usage = machine.idle(), process.usage()
            player.playing.cancel()
            journal = (await costs(postgres.url)).since(before)
        return _result(player.player, slots, read(log), status, Around(usage, idle, journal))


def _result(
    player: Player,
    slots: int,
    entries: list[Entry],
    status: dict[str, Any],
    around: Around,
) -> Result:
    user = USERS["ibgu"].username
    moments = Moments(entries, user)
    runs = [run for cluster in player.clusters.values() for run in cluster.timeline.runs]
    delays = [delay for stage in STAGES for delay in _handovers(player, moments, stage, slots)]
    return Result(
        clusters=len(player.clusters),
        slots=slots,
        makespan=max(_ends(runs)) - min(run.requested for run in runs),
        bound=sum(_bound(player, stage, slots) for stage in STAGES),
        handovers=delays,
        requests=requests(entries, user),
        around=around,
        failed=sum("failedActions" in entry for entry in status["clusters"]),
        answers=[e.completed - e.received for e in entries if e.resource == f"{WORKS}/status"],
    )


async def at_rest() -> None:
    """An API server that has just started builds the documents of its API for some seconds more;
    on a machine with other work nobody waits longer than a minute."""
    for _ in range(60):
        machine = Machine()
        await asyncio.sleep(1.0)
        if machine.idle() > RESTING:
            return


class Fleet(Struct):
    player: Player
    playing: "asyncio.Task[None]"


async def play(tasks: asyncio.TaskGroup, client: HubClient, spec: FleetSpec) -> Fleet:
    ready: asyncio.Future[Player] = asyncio.get_running_loop().create_future()
    playing = tasks.create_task(simulate(client, spec, ready=ready.set_result))
    return Fleet(await ready, playing)


async def roll_out(admin: HubClient, slots: int) -> dict[str, Any]:
    await admin.request("POST", paths.ibgus("default"), body=ibgu(slots))
    while True:
        await asyncio.sleep(1.0)
        found = json.loads(await admin.request("GET", paths.ibgu("default", NAME)))
        if found.get("status", {}).get("phase") == "Completed":
            return dict(found["status"])


def ibgu(slots: int) -> dict[str, Any]:
    strategy = {"maxConcurrency": slots, "timeout": 240}
    return {
        "apiVersion": "lcm.openshift.io/v1alpha1",
        "kind": "ImageBasedGroupUpgrade",
        "metadata": {"name": NAME, "namespace": "default"},
        "spec": {
            "clusterLabelSelectors": [{"matchLabels": {"fleet": NAME}}],
            "ibuSpec": {
                "seedImageRef": {"image": "registry.example.com/seed:1", "version": "4.17.0"}
            },
            "plan": [{"actions": [stage], "rolloutStrategy": strategy} for stage in STAGES],
        },
    }


def _ends(runs: Iterable[StageRun]) -> list[float]:
    return [run.ended for run in runs if run.ended is not None]


def _bound(player: Player, stage: str, slots: int) -> float:
    """In the order of the members, which is that of their numbers."""
    durations = [
        run.ended - run.requested
        for name in sorted(player.clusters)
        for run in player.clusters[name].timeline.runs
        if run.stage == stage and run.ended is not None
    ]
    return list_schedule(durations, slots)


def _handovers(player: Player, moments: Moments, stage: str, slots: int) -> list[float]:
    """From the feedback that frees a slot to the arming that takes it, both seen by the hub."""
    armed: list[float] = []
    fed_back: list[float] = []
    for name, cluster in player.clusters.items():
        for run in cluster.timeline.runs:
            if run.stage == stage and run.ended is not None:
                armed.append(moments.armed(name, run.requested))
                fed_back.append(moments.fed_back(name, run.ended))
    return handovers(armed, fed_back, slots)

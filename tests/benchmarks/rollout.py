"""One rollout on the sandbox hub, measured from outside the controller."""

import asyncio
import json
import tempfile
from collections import Counter
from pathlib import Path
from statistics import fmean
from typing import Any

import uvloop
from msgspec import Struct
from msgspec.structs import replace

from ibgu.db.migrate import upgrade
from ibgu.hub import paths
from ibgu.hub.client import HubClient
from ibgu.hub.port import Hub
from ibgu.sandbox.demo.sample import NAMESPACES
from ibgu.sandbox.hub import SandboxHub
from ibgu.sandbox.postgres import EmbeddedPostgres
from ibgu.sandbox.users import USERS
from ibgu.sim.player.player import Player
from ibgu.sim.player.simulate import simulate
from ibgu.sim.spec import FleetSpec
from tests.benchmarks import payload
from tests.benchmarks.agents import Agents
from tests.benchmarks.audit import (
    Entry,
    Moments,
    Requests,
    Senders,
    by_sender,
    feedback,
    read,
    requests,
)
from tests.benchmarks.case import NAME, Case, otherwise
from tests.benchmarks.echo import heard
from tests.benchmarks.ledger import Costs, costs
from tests.benchmarks.process import Machine, Process, Usage, controller
from tests.benchmarks.reads import not_allowed
from tests.benchmarks.ready import must_live, running
from tests.benchmarks.reports import Report
from tests.benchmarks.runs import Work, work
from tests.benchmarks.servers import OwnMetrics, Servers, own_metrics
from tests.benchmarks.warm import ENVIRONMENT, warm

RESTING = 0.9
"""Share of the machine's time that is idle when nothing is under way."""
IBGUS = "imagebasedgroupupgrades"
HELD = 60
"""Seconds in which a rollout may be held; nobody comes to resume it."""


class RolloutCosts(Struct, frozen=True):
    """The surroundings of a rollout: what it took, beside time."""

    began: float
    """Seconds of CPU until the controller was ready, which it takes once, not for an action."""
    usage: Usage
    """CPU: since then. Memory: of all its life."""
    idle: float
    """Share of the machine's time, while the rollout went on."""
    servers: dict[str, float]
    """Seconds of CPU."""
    own: OwnMetrics
    """The controller's."""
    journal: Costs
    echoes: list[float]
    """Seconds."""


class WorkBytes(Struct, frozen=True):
    """The mean size of a stage work at the end, as JSON without spaces."""

    spec: float
    status: float
    whole: float


class Result(Struct, frozen=True):
    case: Case
    work: Work
    requests: Requests
    not_allowed: Requests
    """The reads among them that are beyond what the rules allow (R26.7)."""
    around: RolloutCosts
    failed: int
    """Clusters."""
    otherwise: dict[str, str]
    """Clusters that ended otherwise than they were meant to, and how."""
    work_bytes: WorkBytes
    senders: Senders
    reports: Counter[Report]
    """What the agents' reports about stage works changed."""
    answers: list[float]
    """Seconds that the API server took for the agents' feedback: what it can do beside all else."""


def measure(case: Case, *, settled: bool = True) -> Result:
    """The fleet has ibgu's loop: it shares the machine, and is not what is measured.

    `settled`: nothing begins before the API server is warm and at rest; figures are worth
    nothing without.
    """
    runner = asyncio.Runner(loop_factory=uvloop.new_event_loop)
    with tempfile.TemporaryDirectory() as folder, runner:
        return runner.run(_measure(case, Path(folder), settled=settled))


async def _measure(case: Case, folder: Path, *, settled: bool) -> Result:
    log = folder / "audit.log"
    hub = SandboxHub(audit_log=log, namespaces=NAMESPACES, environment=ENVIRONMENT)
    async with EmbeddedPostgres() as postgres, hub:
        fleet = await Agents.with_token(hub.url, hub.token("fleet"), str(hub.ca_file))
        admin = await HubClient.with_token(hub.url, hub.token("admin"), str(hub.ca_file))
        async with fleet, admin, asyncio.TaskGroup() as tasks:
            player = await play(tasks, fleet, case.fleet())
            await upgrade(postgres.url)
            if case.payload:
                await payload.bring(admin)
            for policy in case.policies:
                await admin.request("POST", paths.ROLLOUT_POLICIES, body=policy)
            if settled:
                await warm(admin)
                await at_rest()
            status, around = await carried_out(case, hub, postgres.url, admin, folder)
            sizes = await _work_bytes(admin)
            player.playing.cancel()
        entries = read(log)
        moments = Moments(entries, USERS["ibgu"].username, fleet.rests)
        done = work(case, player.player, moments)
        return _result(case, done, entries, status, around, sizes, fleet.reports.found)


async def carried_out(
    case: Case, hub: SandboxHub, database_url: str, admin: HubClient, folder: Path
) -> tuple[dict[str, Any], RolloutCosts]:
    """Returns the status at the end, and what it took."""
    before, servers = await costs(database_url), Servers(hub.folder)
    async with running(controller, hub, database_url, folder) as leader:
        process = leader.process
        machine, began = Machine(), process.usage().cpu
        with heard(hub.kubeconfig("admin"), folder) as echoes:
            status = await roll_out(admin, case.ibgu(), process, leader.log)
        idle, usage = machine.idle(), process.usage()
        usage = replace(usage, cpu=usage.cpu - began)
        taken, own = servers.cpu(), await own_metrics(leader.listen)
    journal = (await costs(database_url)).since(before)
    return status, RolloutCosts(
        began, usage, idle, taken, own, journal, [each.seconds for each in echoes.all]
    )


def _result(
    case: Case,
    done: Work,
    entries: list[Entry],
    status: dict[str, Any],
    around: RolloutCosts,
    work_bytes: WorkBytes,
    reports: Counter[Report],
) -> Result:
    user = USERS["ibgu"].username
    shown = status["clusters"]
    return Result(
        case=case,
        work=done,
        requests=requests(entries, user),
        not_allowed=not_allowed(case, entries, user, done.makespan),
        around=around,
        failed=sum("failedActions" in entry for entry in shown),
        otherwise=otherwise(case, shown),
        work_bytes=work_bytes,
        senders=by_sender(entries, IBGUS),
        reports=reports,
        answers=[entry.completed - entry.received for entry in feedback(entries, user)],
    )


async def _work_bytes(admin: Hub) -> WorkBytes:
    """Reads works only: a finished rollout has one stage work for each cluster."""
    found = json.loads(await admin.request("GET", paths.works()))["items"]

    def mean(parts: list[Any]) -> float:
        return fmean(len(json.dumps(part, separators=(",", ":"))) for part in parts)

    spec, status = ([each[part] for each in found] for part in ("spec", "status"))
    return WorkBytes(mean(spec), mean(status), mean(found))


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


async def roll_out(admin: Hub, body: dict[str, Any], process: Process, log: Path) -> dict[str, Any]:
    """Returns the rollout's status at the end. Raises RuntimeError where there will be none."""
    await admin.request("POST", paths.ibgus("default"), body=body)
    held = 0
    while True:
        await asyncio.sleep(1.0)
        must_live(process, log)
        found = json.loads(await admin.request("GET", paths.ibgu("default", NAME)))
        status: dict[str, Any] = found.get("status", {})
        phase = status.get("phase")
        if status.get("completedAt"):
            return status
        held = held + 1 if phase in ("Held", "Invalid") else 0
        if held > HELD:
            raise RuntimeError(f"nothing goes on, and nobody will resume it: {status}")

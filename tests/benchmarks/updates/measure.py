"""One FleetUpdate on the sandbox hub, alone or beside an IBGU, measured from outside."""

import asyncio
import json
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import uvloop
from msgspec import Struct

from ibgu.db.migrate import upgrade
from ibgu.hub import paths
from ibgu.hub.client import HubClient
from ibgu.sandbox.demo.sample import NAMESPACES
from ibgu.sandbox.hub import SandboxHub
from ibgu.sandbox.postgres import EmbeddedPostgres
from ibgu.sandbox.users import USERS
from ibgu.sim.cluster_version.timeline import StartedUpdate
from ibgu.sim.player.player import Player
from tests.benchmarks.audit import Entry, Moments, feedback, read, requests, writes
from tests.benchmarks.bound import handovers, list_schedule
from tests.benchmarks.echo import Echo, during, heard
from tests.benchmarks.process import Process, controller
from tests.benchmarks.ready import must_live, running
from tests.benchmarks.rollout import at_rest, play
from tests.benchmarks.runs import Run, Work, work
from tests.benchmarks.servers import Servers
from tests.benchmarks.updates.agents import UpdateAgents
from tests.benchmarks.updates.case import ACTIONS, REPORT, UpdateCase
from tests.benchmarks.warm import ENVIRONMENT, warm


class UpdateCosts(Struct, frozen=True):
    cpu: float
    """Seconds of the controller, once it was ready."""
    peak: int
    """Bytes of memory of the controller."""
    hub_cpu: float
    """Seconds of the API server."""
    echoes: list[Echo]


class UpdateResult(Struct, frozen=True):
    case: UpdateCase
    runs: list[Run]
    """The updates."""
    handovers: list[float]
    upgrade: Work | None
    """The IBGU beside it; None: there was none."""
    writes: int
    """Requests of the controller that change something."""
    progress_writes: int
    """Reports of agents, from the start of each update until its last progress message."""
    costs: UpdateCosts
    otherwise: int
    """Clusters that did not end as they should."""

    @property
    def actions(self) -> int:
        return self.case.clusters * (ACTIONS + (2 if self.case.beside else 0))

    @property
    def progress_rate(self) -> float:
        """Writes a second and cluster, of a cluster that says every 15 seconds how it goes on."""
        return self.progress_writes / (len(self.runs) * self.case.messages) / REPORT

    @property
    def makespan_ratio(self) -> float:
        begin, end = self._span
        lengths = [run.fed_back - run.armed for run in self.runs]
        return (end - begin) / list_schedule(lengths, self.case.slots)

    @property
    def echoes(self) -> list[float]:
        """Seconds of the echoes while clusters were updated."""
        return during(self.costs.echoes, *self._span)

    @property
    def upgrade_echoes(self) -> list[float]:
        """Seconds of the echoes while the IBGU beside it had clusters in flight."""
        return during(self.costs.echoes, *self.upgrade.span) if self.upgrade else []

    @property
    def _span(self) -> tuple[float, float]:
        return min(run.armed for run in self.runs), max(run.fed_back for run in self.runs)


def measure(case: UpdateCase, *, settled: bool = True) -> UpdateResult:
    """`settled`: nothing begins before the API server is warm and at rest."""
    runner = asyncio.Runner(loop_factory=uvloop.new_event_loop)
    with tempfile.TemporaryDirectory() as folder, runner:
        return runner.run(_measure(case, Path(folder), settled=settled))


async def _measure(case: UpdateCase, folder: Path, *, settled: bool) -> UpdateResult:
    log = folder / "audit.log"
    hub = SandboxHub(audit_log=log, namespaces=NAMESPACES, environment=ENVIRONMENT)
    async with EmbeddedPostgres() as postgres, hub:
        fleet = await UpdateAgents.with_token(hub.url, hub.token("fleet"), str(hub.ca_file))
        fleet.updated, fleet.rollout = frozenset(case.updated()), case.rollout()
        admin = await HubClient.with_token(hub.url, hub.token("admin"), str(hub.ca_file))
        async with fleet, admin, asyncio.TaskGroup() as tasks:
            player = await play(tasks, fleet, case.fleet())
            await upgrade(postgres.url)
            if settled:
                await warm(admin)
                await at_rest()
            otherwise, costs = await _carried_out(case, hub, postgres.url, admin, folder)
            player.playing.cancel()
        entries = read(log)
        moments = Moments(entries, USERS["ibgu"].username, fleet.rests)
        return _result(case, player.player, entries, moments, otherwise, costs)


async def _carried_out(
    case: UpdateCase, hub: SandboxHub, database_url: str, admin: HubClient, folder: Path
) -> tuple[int, UpdateCosts]:
    servers = Servers(hub.folder)
    async with running(controller, hub, database_url, folder) as leader:
        process = leader.process
        began = process.usage().cpu
        ends = [_roll_out(admin, body, process, leader.log) for body in case.bodies()]
        with heard(hub.kubeconfig("admin"), folder) as echoes:
            otherwise = sum(await asyncio.gather(*ends))
        usage = process.usage()
        taken = servers.cpu()["kube-apiserver"]
        costs = UpdateCosts(usage.cpu - began, usage.peak, taken, echoes.all)
    return otherwise, costs


async def _roll_out(admin: HubClient, body: dict[str, Any], process: Process, log: Path) -> int:
    """Returns how many clusters did not take all actions of the plan."""
    kind, name = body["kind"], body["metadata"]["name"]
    path = paths.rollout_object(kind, "default", name)
    await admin.request("POST", paths.rollout_objects(kind, "default"), body=body)
    while True:
        await asyncio.sleep(1.0)
        must_live(process, log)
        status = json.loads(await admin.request("GET", path)).get("status", {})
        if status.get("completedAt"):
            break
    [selector] = body["spec"]["clusterLabelSelectors"]
    planned = [action for step in body["spec"]["plan"] for action in step["actions"]]
    well = [
        entry
        for entry in status["clusters"]
        if [each["action"] for each in entry.get("completedActions", ())] == planned
    ]
    return len(selector["matchExpressions"][0]["values"]) - len(well)


def _result(
    case: UpdateCase,
    player: Player,
    entries: Sequence[Entry],
    moments: Moments,
    otherwise: int,
    costs: UpdateCosts,
) -> UpdateResult:
    user, updated = USERS["ibgu"].username, case.updated()
    updates = {name: _update(player, name) for name in updated}
    runs = [run for name in updated for run in _runs(player, name, updates[name], moments)]
    armed, fed_back = [run.armed for run in runs], [run.fed_back for run in runs]
    reports = feedback(entries, user)
    return UpdateResult(
        case=case,
        runs=runs,
        handovers=handovers(armed, fed_back, case.slots),
        upgrade=work(case.upgrade, player, moments) if case.beside else None,
        writes=writes(requests(entries, user)),
        progress_writes=sum(_during(report, updates.get(report.namespace)) for report in reports),
        costs=costs,
        otherwise=otherwise,
    )


def _update(player: Player, name: str) -> StartedUpdate | None:
    operator = player.clusters[name].operator
    return operator.timeline.updates[-1] if operator and operator.timeline.updates else None


def _runs(
    player: Player, name: str, update: StartedUpdate | None, moments: Moments
) -> Iterator[Run]:
    operator = player.clusters[name].operator
    if operator is None or update is None or update.settled is None:
        return
    requested = operator.timeline.requests[-1].at
    armed = moments.armed(name, requested)
    yield Run(name, requested, update.settled, armed, moments.fed_back(name, update.settled))


def _during(report: Entry, update: StartedUpdate | None) -> bool:
    if update is None or update.completed is None:
        return False
    return update.started <= report.received < update.completed

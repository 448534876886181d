"""One rollout by one of the two, on a hub that waits for its disk and queues what it is asked."""

import asyncio
import json
import tempfile
from pathlib import Path
from typing import Any

import uvloop

from ibgu.hub import paths
from ibgu.hub.client import HubClient
from ibgu.hub.port import Hub
from ibgu.sandbox.demo.sample import NAMESPACES
from ibgu.sandbox.hub import SandboxHub
from tests.benchmarks import payload
from tests.benchmarks.audit import IGNORED, by_sender, read
from tests.benchmarks.case import NAME
from tests.benchmarks.echo import heard
from tests.benchmarks.peer.controllers import CONTROLLERS, ControllerProcess
from tests.benchmarks.peer.figures import Figures, figures, seen
from tests.benchmarks.peer.rows import Row
from tests.benchmarks.ready import must_live
from tests.benchmarks.rollout import IBGUS, at_rest, play
from tests.benchmarks.servers import Servers


def measure(row: Row, who: str) -> Figures:
    runner = asyncio.Runner(loop_factory=uvloop.new_event_loop)
    with tempfile.TemporaryDirectory() as folder, runner:
        return runner.run(_measure(row, who, Path(folder)))


async def _measure(row: Row, who: str, folder: Path) -> Figures:
    audit = folder / "audit.log"
    with SandboxHub(audit_log=audit, namespaces=NAMESPACES, durable=True) as hub:
        fleet = await HubClient.with_token(hub.url, hub.token("fleet"), str(hub.ca_file))
        admin = await HubClient.with_token(hub.url, hub.token("admin"), str(hub.ca_file))
        async with fleet, admin, asyncio.TaskGroup() as tasks:
            playing = await play(tasks, fleet, row.fleet())
            if row.case.payload:
                await payload.bring(admin)
            async with CONTROLLERS[who](hub, folder) as carrying:
                await at_rest()
                servers, began = Servers(hub.folder), carrying.process.usage().cpu
                with heard(hub.kubeconfig("admin"), folder) as echoes:
                    await _carried_out(admin, row.case.ibgu(), carrying)
                usage, taken = carrying.process.usage(), servers.cpu()
            playing.playing.cancel()
        timelines = {
            name: cluster.timeline.runs for name, cluster in playing.player.clusters.items()
        }
        runs = [run for each in timelines.values() for run in each]
        return figures(
            seen(timelines, row.case.slots),
            completed=sum(run.outcome == "completed" for run in runs),
            requests=_requests(audit, carrying.user),
            cpu=usage.cpu - began,
            hub_cpu=taken["kube-apiserver"],
            peak=usage.peak,
            echoes=[each.seconds for each in echoes.all],
        )


def _requests(audit: Path, user: str) -> int:
    """Returns how many the user has sent since the rollout was created."""
    senders = by_sender(read(audit), IBGUS).items()
    return sum(n for (who, _, resource), n in senders if who == user and resource not in IGNORED)


async def _carried_out(admin: Hub, body: dict[str, Any], carrying: ControllerProcess) -> None:
    await admin.request("POST", paths.ibgus("default"), body=body)
    while True:
        await asyncio.sleep(1.0)
        must_live(carrying.process, carrying.log)
        found = json.loads(await admin.request("GET", paths.ibgu("default", NAME)))
        if _is_over(found.get("status", {})):
            return


def _is_over(status: dict[str, Any]) -> bool:
    """Both say so in the same condition."""
    found = {each["type"]: each for each in status.get("conditions", ())}
    progressing = found.get("Progressing", {})
    return (progressing.get("status"), progressing.get("reason")) == ("False", "Completed")

"""The reaction to an ImageBasedGroupUpgrade, alone and beside hundreds of another namespace's."""

import asyncio
import tempfile
from argparse import ArgumentParser, Namespace
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from msgspec import Struct

from ibgu.hub import paths
from ibgu.sandbox.users import USERS
from ibgu.sim.player import Player
from tests.benchmarks.audit import WORKS, Entry, read
from tests.benchmarks.bound import percentile
from tests.benchmarks.case import ibgu
from tests.benchmarks.fleet.stage import FLEET, Stage, agents, stage
from tests.benchmarks.process import controller
from tests.benchmarks.ready import ready
from tests.benchmarks.report import judge

NOISY, CALM = "noisy", "calm"
PROBE = 0.05
AT_ONCE = 20
"""Requests of the noisy tenant."""
APART = 0.5
"""Seconds from one creation of the calm tenant to its next, whatever became of it."""
DURATIONS = "2s-6s"


class Reactions(Struct, frozen=True):
    """Seconds from the creation of an ImageBasedGroupUpgrade of one cluster, answered by the API
    server, until ibgu's first write to a work of this cluster, received there."""

    alone: list[float]
    beside: list[float]
    """Created at the same time as the noisy tenant's."""
    noisy: list[float]
    after: list[float]
    """Beside the noisy tenant's rollouts, all of which are over."""


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--noisy", type=int, default=250, help="ImageBasedGroupUpgrades of one")
    parser.add_argument("--calm", type=int, default=10, help="of the other, each time")


def run(options: Namespace) -> bool:
    print(f"\n{options.noisy} ImageBasedGroupUpgrades of one namespace, {options.calm} of another")
    found = measure(options.noisy, options.calm)
    for when in ("alone", "beside", "after"):
        print(f"  {when:8}", "  ".join(f"{each:.2f} s" for each in getattr(found, when)))
    print(f"  the noisy tenant's: p50 {percentile(found.noisy, 0.5):.2f} s, ", end="")
    print(f"worst {max(found.noisy):.2f} s")
    return judge(figures(found), "fairness")


def figures(found: Reactions) -> dict[str, float]:
    return {
        "alone_p50_ms": percentile(found.alone, 0.5) * 1000,
        "beside_p50_ms": percentile(found.beside, 0.5) * 1000,
        "beside_to_noisy_p50": percentile(found.beside, 0.5) / percentile(found.noisy, 0.5),
        "after_p50_ms": percentile(found.after, 0.5) * 1000,
    }


def measure(noisy: int, calm: int) -> Reactions:
    crowd = [f"noisy-{number:04}" for number in range(noisy)]
    others = [f"calm-{number:04}" for number in range(3 * calm)]
    with tempfile.TemporaryDirectory() as folder:
        entries = asyncio.run(_measure(crowd, others, Path(folder)))
    found = _reactions(entries, USERS["ibgu"].username)
    alone, beside, after = ([found[name] for name in part] for part in _thirds(others))
    return Reactions(alone, beside, [found[name] for name in crowd], after)


def _thirds(names: Sequence[str]) -> list[Sequence[str]]:
    size = len(names) // 3
    return [names[:size], names[size : 2 * size], names[2 * size :]]


def _reactions(entries: Sequence[Entry], controller: str) -> dict[str, float]:
    """Returns the reactions by cluster, whose name its ImageBasedGroupUpgrade has too."""
    created = {
        entry.name: entry.completed
        for entry in entries
        if entry.verb == "create" and entry.resource == "imagebasedgroupupgrades"
    }
    written: dict[str, float] = {}
    for entry in sorted(entries, key=lambda each: each.received):
        if entry.user == controller and entry.resource == WORKS and entry.verb == "create":
            written.setdefault(entry.namespace, entry.received)
    return {name: written[name] - created[name] for name in created}


async def _measure(crowd: list[str], others: list[str], folder: Path) -> list[Entry]:
    audit = folder / "audit.log"
    async with (
        stage(folder, audit_log=audit) as here,
        agents(here.fleet, [*crowd, *others], DURATIONS, seed=1) as fleet,
        _controlled(here),
    ):
        for namespace in (NOISY, CALM):
            body = {"metadata": {"name": namespace}}
            await here.admin.request("POST", "/api/v1/namespaces", body=body)
        alone, beside, after = _thirds(others)
        await _calmly(here, fleet, alone)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(_all_at_once(here, fleet, crowd))
            tasks.create_task(_calmly(here, fleet, beside))
        await _over(here, NOISY)
        await _calmly(here, fleet, after)
    return read(audit)


@asynccontextmanager
async def _controlled(here: Stage) -> AsyncIterator[None]:
    log = here.folder / "log"
    with controller(here.environment, log) as process:
        await ready(process, here.listen, log)
        yield


async def _calmly(here: Stage, fleet: Player, names: Sequence[str]) -> None:
    for name in names:
        await _create(here, CALM, name)
        await asyncio.sleep(APART)
    await _begun(fleet, names)


async def _all_at_once(here: Stage, fleet: Player, names: Sequence[str]) -> None:
    room = asyncio.Semaphore(AT_ONCE)

    async def create(name: str) -> None:
        async with room:
            await _create(here, NOISY, name)

    await asyncio.gather(*map(create, names))
    await _begun(fleet, names)


async def _create(here: Stage, namespace: str, cluster: str) -> None:
    body = ibgu(1, [("Prep",)])
    body["metadata"] = {"name": cluster, "namespace": namespace}
    body["spec"]["clusterLabelSelectors"] = [{"matchLabels": {"fleet": FLEET, "name": cluster}}]
    await here.admin.request("POST", paths.ibgus(namespace), body=body)


async def _begun(fleet: Player, names: Sequence[str]) -> None:
    """Waits until each cluster was asked for its first stage."""
    while True:
        await asyncio.sleep(PROBE)
        if all(fleet.clusters[name].timeline.runs for name in names):
            return


async def _over(here: Stage, namespace: str) -> None:
    """Waits until all rollouts of the namespace have ended."""
    while True:
        await asyncio.sleep(10 * PROBE)
        found = await here.admin.get(paths.ibgus(namespace), dict[str, Any])
        if all((item.get("status") or {}).get("completedAt") for item in found["items"]):
            return

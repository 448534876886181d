"""How a controller starts, rests and works beside a large fleet."""

import asyncio
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import AbstractContextManager, asynccontextmanager
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from ibgu.core.works import names
from ibgu.hub import paths
from ibgu.hub.port import Hub
from ibgu.hub.reflector import STREAMING_LIST
from ibgu.hub.watch import INITIAL_END
from ibgu.sim.player import Player
from tests.benchmarks.fleet.copies import copy
from tests.benchmarks.fleet.stage import Stage, agents, stage
from tests.benchmarks.process import Process, controller
from tests.benchmarks.ready import must_live, ready

ORIGINAL = "site-00000"
ROLLOUTS = ("first", "second")
"""Each leaves a work in every cluster."""
PREPARED = "2s-3s"
WORKING = "6s-10s"


class Rest(Struct, frozen=True):
    clusters: int
    works: int
    in_sync: float
    """Seconds from the start of the process until it is ready to lead, and leads."""
    bare: float
    """Seconds in which the API server sends works and clusters to who only counts lines."""
    peak: int = 0
    """Bytes of resident memory, from its start on."""
    cpu: float = 0.0
    """Of a core."""


class Work(Struct, frozen=True):
    clusters: int
    actions: int
    cpu: float
    """Seconds of the controller for these actions, without the start of the step."""
    peak: int
    """Bytes of resident memory, from its start to the last of these actions: with a step that has
    all clusters as its members."""


class Size(Struct, frozen=True):
    clusters: int
    heads: int
    """Clusters with agents, which work; all others are silent copies."""
    slots: int
    seed: int = 1
    rest: float = 0.0
    """Seconds; 0: its start and rest are not measured."""
    settle: float = 20.0
    """Seconds from a start to rest, once everything is in sync; and for the API server, from the
    last of so many writes to the start."""


def measure(size: Size) -> tuple[Rest | None, Work]:
    with tempfile.TemporaryDirectory() as folder:
        return asyncio.run(_measure(size, Path(folder)))


async def _measure(size: Size, folder: Path) -> tuple[Rest | None, Work]:
    async with stage(folder) as here:
        works = await _fill(here, size)
        await asyncio.sleep(size.settle)
        bare = await _bare(here.fleet)
        async with _leading(here) as (process, seconds):
            rest = None
            if size.rest:
                rest = await _rest(process, Rest(size.clusters, works, seconds, bare), size)
            return rest, await _work(here, process, size)


async def _fill(here: Stage, size: Size) -> int:
    """One cluster goes through the rollouts; its copies are as if they had done so too."""
    async with agents(here.fleet, [ORIGINAL], PREPARED, size.seed), _leading(here):
        for name in ROLLOUTS:
            await here.apply(name, 10)
            await here.finished(name)
        await asyncio.sleep(2.0)
    return await copy(here, ORIGINAL, size.clusters - size.heads - 1)


@asynccontextmanager
async def _leading(here: Stage) -> AsyncIterator[tuple[Process, float]]:
    """A controller in a process of its own, and the seconds after which it was ready."""
    running: AbstractContextManager[Process] = controller(here.environment, here.folder / "log")
    began = time.monotonic()
    with running as process:
        await ready(process, here.listen, here.folder / "log")
        yield process, time.monotonic() - began


async def _bare(hub: Hub) -> float:
    began = time.monotonic()
    async with asyncio.TaskGroup() as streams:
        streams.create_task(_drain(hub, paths.works(), names.SELECTOR))
        streams.create_task(_drain(hub, paths.MANAGED_CLUSTERS, ""))
    return time.monotonic() - began


async def _drain(hub: Hub, path: str, selector: str) -> None:
    """A streaming list, up to its end."""
    query = {"watch": "true", "allowWatchBookmarks": "true", "labelSelector": selector}
    async with hub.stream(path, query=query | STREAMING_LIST, timeout=60.0) as lines:
        async for line in lines:
            if INITIAL_END.encode() in line:
                return


async def _rest(process: Process, rest: Rest, size: Size) -> Rest:
    """With what it took at rest."""
    await asyncio.sleep(size.settle)
    before = process.usage()
    await asyncio.sleep(size.rest)
    after = process.usage()
    cpu = (after.cpu - before.cpu) / size.rest
    return replace(rest, peak=after.peak, cpu=cpu)


async def _work(here: Stage, process: Process, size: Size) -> Work:
    """The heads come first in the order of members, so all work is theirs."""
    heads = [f"a-{number:05}" for number in range(1, size.heads + 1)]
    async with agents(here.fleet, heads, WORKING, size.seed) as player:
        await here.apply("third", size.slots)
        log = here.folder / "log"
        await _ended(player, size.slots, process, log)
        before, first = process.usage(), _count(player)
        await _ended(player, size.heads - size.slots, process, log)
        after, last = process.usage(), _count(player)
    return Work(size.clusters, last - first, after.cpu - before.cpu, after.peak)


async def _ended(player: Player, count: int, process: Process, log: Path) -> None:
    while True:
        await asyncio.sleep(0.2)
        must_live(process, log)
        if _count(player) >= count:
            return


def _count(player: Player) -> int:
    runs = (run for cluster in player.clusters.values() for run in cluster.timeline.runs)
    return sum(run.ended is not None for run in runs)

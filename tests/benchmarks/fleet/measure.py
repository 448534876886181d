"""A controller beside a large fleet: how it starts, rests and works, there and in a small one."""

import asyncio
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import AbstractContextManager, AsyncExitStack, asynccontextmanager
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from ibgu.core.model import names
from ibgu.hub import paths
from ibgu.hub.port import Hub
from ibgu.hub.watching.reflector import STREAMING_LIST
from ibgu.hub.watching.watch import INITIAL_END
from tests.benchmarks.fleet.copies import copy
from tests.benchmarks.fleet.size import Size
from tests.benchmarks.fleet.stage import Stage, agents, stage
from tests.benchmarks.fleet.work import Work, work
from tests.benchmarks.process import Process, controller
from tests.benchmarks.ready import ready

ORIGINAL = "site-00000"
ROLLOUTS = ("first", "second")
"""Each leaves a work in every cluster."""
PREPARED = "2s-3s"


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
    """The share of a core."""


def measure(few: Size, many: Size) -> tuple[Rest, Work, Work]:
    """Measures how the larger fleet's controller starts and rests; then both work, at the same
    time: what slows down this machine for a moment slows down both."""
    with tempfile.TemporaryDirectory() as folder:
        return asyncio.run(_measure(few, many, Path(folder)))


async def _measure(few: Size, many: Size, folder: Path) -> tuple[Rest, Work, Work]:
    async with AsyncExitStack() as stack:
        small, _ = await _filled(stack, few, folder / "few")
        large, works = await _filled(stack, many, folder / "many")
        beside, _ = await stack.enter_async_context(_leading(small))
        await asyncio.sleep(many.settle)
        bare = await _bare(large.fleet)
        process, seconds = await stack.enter_async_context(_leading(large))
        rest = await _rest(process, Rest(many.clusters, works, seconds, bare), many)
        async with asyncio.TaskGroup() as tasks:
            alone = tasks.create_task(work(small, beside, few))
            among = tasks.create_task(work(large, process, many))
        return rest, alone.result(), among.result()


async def _filled(stack: AsyncExitStack, size: Size, folder: Path) -> tuple[Stage, int]:
    """Fills the hub with its number of works."""
    await asyncio.to_thread(folder.mkdir)
    here = await stack.enter_async_context(stage(folder))
    return here, await _fill(here, size)


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
    """Measures a controller at rest."""
    await asyncio.sleep(size.settle)
    before = process.usage()
    await asyncio.sleep(size.rest)
    after = process.usage()
    cpu = (after.cpu - before.cpu) / size.rest
    return replace(rest, peak=after.peak, cpu=cpu)

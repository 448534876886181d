"""The moment when a process of ibgu has begun to work, or has ended instead."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractContextManager, asynccontextmanager, suppress
from pathlib import Path

import aiohttp
from msgspec import Struct

from ibgu.sandbox.hub import SandboxHub
from ibgu.sandbox.servers import free_port
from tests.benchmarks.process import Process, environment_of

PROBE = 0.05
LAST_LINES = 20


class Running(Struct, frozen=True):
    process: Process
    listen: str
    log: Path


@asynccontextmanager
async def running(
    start: Callable[[dict[str, str], Path], AbstractContextManager[Process]],
    hub: SandboxHub,
    database_url: str,
    folder: Path,
    **more: str,
) -> AsyncIterator[Running]:
    """A process of ibgu from the moment when it is ready on; it is ended afterwards. `start`:
    `controller` or `served`; `more`: of its environment."""
    listen = f"127.0.0.1:{free_port()}"
    log = folder / f"{listen}.log"
    environment = environment_of(hub.kubeconfig("ibgu"), database_url, listen, **more)
    with start(environment, log) as process:
        await ready(process, listen, log)
        yield Running(process, listen, log)


async def ready(process: Process, listen: str, log: Path) -> None:
    """Wait until it says so at its address. Raises RuntimeError where it never will."""
    async with aiohttp.ClientSession() as session:
        while True:
            must_live(process, log)
            with suppress(aiohttp.ClientError):
                async with session.get(f"http://{listen}/readyz") as answer:
                    if answer.status == 200:
                        return
            await asyncio.sleep(PROBE)


def must_live(process: Process, log: Path) -> None:
    if not process.alive:
        raise RuntimeError(f"the process has ended; its last lines:\n{tail(log)}")


def tail(log: Path) -> str:
    return "\n".join(log.read_text().splitlines()[-LAST_LINES:])

"""The moment when a process of ibgu has begun to work, or has ended instead."""

import asyncio
from contextlib import suppress
from pathlib import Path

import aiohttp

from tests.benchmarks.process import Process

PROBE = 0.05
LAST_LINES = 20


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

"""Tasks that run while something is awaited."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager


@asynccontextmanager
async def running(*work: Coroutine[None, None, None]) -> AsyncIterator[list[asyncio.Task[None]]]:
    """Yields tasks for the coroutines, and cancels them in the end."""
    tasks = [asyncio.create_task(each) for each in work]
    try:
        yield tasks
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)


async def first(wanted: Coroutine[None, None, object], tasks: list[asyncio.Task[None]]) -> None:
    """Waits for what is wanted. Raises what ends one of the tasks."""
    waiting = asyncio.ensure_future(wanted)
    try:
        done, _ = await asyncio.wait({waiting, *tasks}, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        waiting.cancel()

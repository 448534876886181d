"""Makes many small requests concurrently, up to a bound."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable

CONCURRENCY = 16


async def each(names: Iterable[str], act: Callable[[str], Awaitable[None]]) -> None:
    """Acts on every name; the first error stops the rest and is raised as it is."""
    limit = asyncio.Semaphore(CONCURRENCY)

    async def one(name: str) -> None:
        async with limit:
            await act(name)

    try:
        async with asyncio.TaskGroup() as group:
            for name in names:
                group.create_task(one(name))
    except ExceptionGroup as errors:
        raise errors.exceptions[0] from None

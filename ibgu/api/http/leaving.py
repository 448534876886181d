"""Ends what is done for a client once the client has left."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from starlette.requests import Request

from ibgu.api.problems import unavailable

T = TypeVar("T")


async def unless_left(request: Request, doing: Coroutine[Any, Any, T]) -> T:
    """Returns the result; the request's body must have been read. Raises Problem, which nobody
    reads, if the client has left before."""
    task, left = asyncio.create_task(doing), asyncio.create_task(_left(request))
    try:
        await asyncio.wait((task, left), return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            return task.result()
        raise unavailable("client-left", "the client has left")
    finally:
        task.cancel()
        left.cancel()
        await asyncio.gather(task, left, return_exceptions=True)


async def _left(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass

"""A process that asks: `python -m tests.benchmarks.api.asker` reads an Order, prints Asked.

Requests go out by the clock, whether those before have been answered or not, and their time runs
from when they were due: an API that falls behind is not spared (no coordinated omission).
"""

import asyncio
import sys
from itertools import cycle

import aiohttp
import msgspec
from msgspec import Struct


class Order(Struct, frozen=True):
    base: str
    tokens: list[str]
    paths: list[str]
    rate: float
    """Requests a second."""
    seconds: float


class Asked(Struct):
    milliseconds: dict[str, list[float]]
    """Answers keyed by path; those that failed, by status and path."""
    failed: dict[str, int]


async def ask(order: Order) -> Asked:
    found = Asked({path: [] for path in order.paths}, {})
    connector = aiohttp.TCPConnector(limit=0)
    async with (
        aiohttp.ClientSession(order.base, connector=connector) as session,
        asyncio.TaskGroup() as tasks,
    ):
        clock = asyncio.get_running_loop().time
        began = clock()
        whose = cycle(order.tokens)
        for number in range(int(order.rate * order.seconds)):
            due = began + number / order.rate
            await asyncio.sleep(max(0.0, due - clock()))
            path = order.paths[number % len(order.paths)]
            tasks.create_task(_one(session, path, next(whose), due, found))
    return found


async def _one(
    session: aiohttp.ClientSession, path: str, token: str, due: float, found: Asked
) -> None:
    headers = {"Authorization": f"Bearer {token}", "Accept-Encoding": "gzip"}
    async with session.get(path, headers=headers) as answer:
        await answer.read()
    took = (asyncio.get_running_loop().time() - due) * 1000
    if answer.status == 200:
        found.milliseconds[path].append(took)
    else:
        what = f"{answer.status} {path}"
        found.failed[what] = found.failed.get(what, 0) + 1


def main() -> None:
    order = msgspec.json.decode(sys.stdin.buffer.readline(), type=Order)
    sys.stdout.buffer.write(msgspec.json.encode(asyncio.run(ask(order))))


if __name__ == "__main__":
    main()

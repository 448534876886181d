"""A real Prometheus that scrapes what a test says."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from functools import partial
from itertools import repeat
from pathlib import Path

import aiohttp
from aiohttp import web

from tests.tools.binaries import tools

SECONDS = 240.0
"""How long a test waits for what must come; only a failure ever takes it."""


class Metrics:
    """Metrics are scraped each second."""

    def __init__(self) -> None:
        self.shown: Mapping[str, float] = {}
        """Series and their values."""
        self.url = ""

    async def scraped(self, _: web.BaseRequest) -> web.Response:
        return web.Response(text="".join(f"{name} {at}\n" for name, at in self.shown.items()))


@asynccontextmanager
async def prometheus(folder: Path) -> AsyncIterator[Metrics]:
    """Yields metrics that a Prometheus scrapes, which is ready."""
    found = Metrics()
    runner = web.ServerRunner(web.Server(found.scraped), shutdown_timeout=0.05)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    port = _free_port()
    found.url = f"http://127.0.0.1:{port}"
    process = await asyncio.create_subprocess_exec(
        tools().prometheus,
        f"--config.file={_config(folder, runner.addresses[0][1])}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        await _ready(found.url)
        yield found
    finally:
        process.terminate()
        await process.wait()
        await runner.cleanup()


def _config(folder: Path, port: int) -> Path:
    path = folder / "prometheus.yml"
    config = {
        "global": {"scrape_interval": "1s"},
        "scrape_configs": [
            {"job_name": "sites", "static_configs": [{"targets": [f"127.0.0.1:{port}"]}]}
        ],
    }
    path.write_text(json.dumps(config))
    return path


async def until(holds: Callable[[], Awaitable[bool]]) -> None:
    """Waits until it holds."""
    async with asyncio.timeout(SECONDS):
        for pause in repeat(0.1):
            if await holds():
                return
            await asyncio.sleep(pause)


async def _ready(url: str) -> None:
    async with aiohttp.ClientSession() as session:
        await until(partial(_answers, session, f"{url}/-/ready"))


async def _answers(session: aiohttp.ClientSession, url: str) -> bool:
    try:
        async with session.get(url) as response:
            return response.ok
    except aiohttp.ClientError:
        return False


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])

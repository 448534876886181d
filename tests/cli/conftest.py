"""The commands against an API that is really served."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from typing import NamedTuple, TypeVar

import pytest
from fastapi import FastAPI
from typer.testing import CliRunner, Result

from ibgu.api.http.server import bind, serve
from ibgu.cli.app import app as commands
from ibgu.sandbox.hub import SandboxHub
from tests.api.conftest import app, context, engine, hub_client, journal

__all__ = ["app", "context", "engine", "hub_client", "journal"]

T = TypeVar("T")
Ibgu = Callable[..., Awaitable[Result]]
Happens = Callable[[int], Coroutine[None, None, None]]
Meanwhile = Callable[[Happens], None]


class Server(NamedTuple):
    address: str
    serving: asyncio.Task[None]

    async def stop(self) -> None:
        self.serving.cancel()
        with suppress(asyncio.CancelledError):
            await self.serving


async def in_thread(function: Callable[..., T], *args: str) -> T:
    """Runs in a thread, so that the server, which is in this process, can answer."""
    return await asyncio.to_thread(function, *args)


@asynccontextmanager
async def serving(app: FastAPI, listen: str) -> AsyncIterator[Server]:
    listener = bind(listen)
    task = asyncio.create_task(serve(app, listener))
    server = Server(f"http://127.0.0.1:{listener.getsockname()[1]}", task)
    try:
        yield server
    finally:
        await server.stop()


@pytest.fixture
async def served(app: FastAPI) -> AsyncIterator[Server]:
    async with serving(app, "127.0.0.1:0") as server:
        yield server


@pytest.fixture
def server(served: Server) -> str:
    """The server's address."""
    return served.address


@pytest.fixture
def ibgu(server: str, sandbox_hub: SandboxHub) -> Ibgu:
    """`await ibgu("get", "-A", user="bob")` is what `ibgu get -A` does."""

    async def run(*args: str, user: str = "alice", **env: str) -> Result:
        given = {
            "IBGU_SERVER": server,
            "IBGU_TOKEN": sandbox_hub.token(user),
            "KUBECONFIG": str(sandbox_hub.kubeconfig(user)),
        }
        return await asyncio.to_thread(CliRunner().invoke, commands, args, env=given | env)

    return run


@pytest.fixture
def meanwhile(monkeypatch: pytest.MonkeyPatch) -> Meanwhile:
    """`meanwhile(happens)`: `happens(n)` takes place between a command's n-th look and the next.

    It must be given inside a running loop; a KeyboardInterrupt in it is the user's Ctrl-C.
    """

    def meanwhile(happens: Happens) -> None:
        loop, count, really = asyncio.get_running_loop(), [0], time.sleep

        async def caught(look: int) -> bool:
            try:
                await happens(look)
            except KeyboardInterrupt:
                return False
            return True

        def sleep(seconds: float) -> None:
            count[0] += 1
            if not asyncio.run_coroutine_threadsafe(caught(count[0]), loop).result():
                raise KeyboardInterrupt
            really(seconds)

        monkeypatch.setattr(time, "sleep", sleep)

    return meanwhile

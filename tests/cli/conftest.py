"""The commands against an API that is really served."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress

import pytest
from fastapi import FastAPI
from typer.testing import CliRunner, Result

from ibgu.api.server import bind, serve
from ibgu.cli.app import app as commands
from ibgu.sandbox.hub import SandboxHub
from tests.api.conftest import app, context, engine, hub_client, journal

__all__ = ["app", "context", "engine", "hub_client", "journal"]

Ibgu = Callable[..., Awaitable[Result]]


@pytest.fixture
async def server(app: FastAPI) -> AsyncIterator[str]:
    """Its address."""
    listener = bind("127.0.0.1:0")
    serving = asyncio.create_task(serve(app, listener))
    yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    serving.cancel()
    with suppress(asyncio.CancelledError):
        await serving


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

"""A process whose database or hub is away waits for it, says so, and answers its probes."""

import asyncio
import json
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import pytest

from ibgu.sandbox.certificates import write_serving_files
from ibgu.sandbox.hub import SandboxHub
from ibgu.sandbox.servers import free_port
from ibgu.sandbox.users import write_kubeconfig
from tests.cli.test_processes import LOG_BYTES, env, finished
from tests.e2e.gate import Gate

__all__ = ["env"]


Env = dict[str, str]


class Begun:
    """`ibgu <command>` in a process of its own, asked over HTTP."""

    def __init__(self, process: subprocess.Popen[str], client: httpx.AsyncClient) -> None:
        self.process = process
        self.client = client

    async def says(self, path: str, wanted: Callable[[httpx.Response], bool]) -> httpx.Response:
        """The first answer that is as wanted."""
        while self.process.poll() is None:
            with suppress(httpx.TransportError):
                if wanted(answer := await self.client.get(path)):
                    return answer
            await asyncio.sleep(0.02)
        assert self.process.stderr
        pytest.fail(self.process.stderr.read())

    async def ready(self) -> None:
        await self.says("/readyz", lambda answer: answer.status_code == 200)

    async def waits_for(self, what: str) -> str:
        """Returns what readiness says meanwhile."""
        answer = await self.says("/readyz", lambda answer: f"waiting for {what}" in answer.text)
        assert answer.status_code == 503
        assert (await self.client.get("/healthz")).text == "ok"
        assert (await self.client.get("/metrics")).status_code == 200
        asked = await self.client.get("/api/v1/rollouts")
        assert (asked.status_code, asked.headers["Retry-After"]) == (503, "5")
        (problem,) = answer.json()["problems"]
        assert asked.json()["detail"] == problem
        return str(problem)

    async def stopped(self) -> list[dict[str, Any]]:
        """Returns the log, after a clean end."""
        self.process.send_signal(signal.SIGTERM)
        _, said = await asyncio.to_thread(self.process.communicate)
        assert self.process.returncode == 0, said
        return [json.loads(line) for line in said.splitlines()]


def start(env: Env, *args: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "ibgu", *args]
    return subprocess.Popen(command, env=env, stderr=subprocess.PIPE, text=True, pipesize=LOG_BYTES)


@asynccontextmanager
async def begun(env: Env, *args: str) -> AsyncIterator[Begun]:
    base = f"http://{env['IBGU_LISTEN']}"
    with start(env, *args) as process:
        try:
            async with httpx.AsyncClient(trust_env=False, timeout=60, base_url=base) as client:
                yield Begun(process, client)
        finally:
            process.kill()


@asynccontextmanager
async def forwarded(port: int, url: str) -> AsyncIterator[None]:
    """Forwards connections to the port to the server."""
    server = httpx.URL(url)

    async def serve(client: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
        responses, sink = await asyncio.open_connection(server.host, server.port)
        await asyncio.gather(_copy(client, sink), _copy(responses, back))

    async with await asyncio.start_server(serve, "127.0.0.1", port):
        yield


async def _copy(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError):
        while data := await source.read(65536):
            sink.write(data)
    sink.close()


@pytest.fixture
def hidden(env: Env, sandbox_hub: SandboxHub, tmp_path: Path) -> tuple[Env, int]:
    """The hub is expected at a port at which nobody listens yet."""
    port = free_port()
    url, token = f"https://127.0.0.1:{port}", sandbox_hub.token("ibgu")
    path = write_kubeconfig(tmp_path / "hidden", url, sandbox_hub.ca_file, token)
    return env | {"KUBECONFIG": str(path)}, port


def waiting(log: list[dict[str, Any]]) -> list[str]:
    return [line["event"] for line in log if "waiting for" in line["event"]]


async def test_postgres_comes_later(env: Env, tmp_path: Path) -> None:
    gate = Gate(env["DATABASE_URL"], tmp_path)
    async with begun(env | {"DATABASE_URL": gate.url}, "run", "--migrate") as process:
        told = await process.waits_for("the journal")
        assert told.startswith(
            "waiting for the journal: the journal's database is away (reading its"
        )
        await gate.open()
        await process.ready()
        log = await process.stopped()
    assert waiting(log) == ["waiting for the journal", "no longer waiting for the journal"]
    await gate.shut()


@pytest.mark.parametrize("command", ["controller", "api"])
async def test_the_hub_comes_later(
    hidden: tuple[Env, int], sandbox_hub: SandboxHub, command: str
) -> None:
    env, port = hidden
    async with begun(env, command, "--migrate") as process:
        told = await process.waits_for("the hub")
        assert f"127.0.0.1:{port}" in told
        async with forwarded(port, sandbox_hub.url):
            await process.ready()
            log = await process.stopped()
    assert waiting(log) == ["waiting for the hub", "no longer waiting for the hub"]


async def test_a_process_that_waits_ends_at_once(env: Env, tmp_path: Path) -> None:
    gate = Gate(env["DATABASE_URL"], tmp_path)
    async with begun(env | {"DATABASE_URL": gate.url}, "run") as process:
        await process.waits_for("the journal")
        assert (await process.stopped())[-1]["event"] == "stopping"


Change = Callable[[Env, Path, SandboxHub], Awaitable[Env]]


async def _unknown_user(env: Env, folder: Path, hub: SandboxHub) -> Env:
    return {"DATABASE_URL": env["DATABASE_URL"].replace("postgres@", "stranger@", 1)}


async def _unknown_database(env: Env, folder: Path, hub: SandboxHub) -> Env:
    return {"DATABASE_URL": env["DATABASE_URL"].replace("ibgu_empty", "none", 1)}


async def _wrong_token(env: Env, folder: Path, hub: SandboxHub) -> Env:
    path = write_kubeconfig(folder / "wrong", hub.url, hub.ca_file, "not-a-token")
    return {"KUBECONFIG": str(path)}


async def _wrong_authority(env: Env, folder: Path, hub: SandboxHub) -> Env:
    write_serving_files(folder)
    path = write_kubeconfig(folder / "ca", hub.url, folder / "ca.crt", hub.token("ibgu"))
    return {"KUBECONFIG": str(path)}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (_unknown_user, 'DATABASE_URL: role "stranger" does not exist'),
        (_unknown_database, "DATABASE_URL: database "),
        (_wrong_token, "the hub: GET /api/v1/namespaces/kube-system: 401 Unauthorized: "),
        (_wrong_authority, "the hub: GET /api/v1/namespaces/kube-system: CertificateRefused: "),
    ],
)
async def test_permanent_errors_exit_with_one_line(
    env: Env, tmp_path: Path, sandbox_hub: SandboxHub, change: Change, said: str
) -> None:
    changed = await change(env, tmp_path, sandbox_hub)
    code, _, words = await asyncio.to_thread(finished, env | changed, "run", "--migrate")
    assert code == 1
    assert words.startswith(f"ibgu: {said}")
    assert words.count("\n") == 1

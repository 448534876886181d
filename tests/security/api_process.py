"""A real process of the API, as it is run: what is sent to it costs no one else."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
from msgspec import Struct

from ibgu.sandbox.hub import SandboxHub
from ibgu.sandbox.servers import free_port


class Api(Struct, frozen=True):
    process: subprocess.Popen[bytes]
    port: int
    token: str

    @property
    def peak(self) -> int:
        """Bytes of resident memory that it ever had."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        [line] = [line for line in status.splitlines() if line.startswith("VmHWM")]
        return int(line.split()[1]) * 1024

    def client(self) -> httpx.AsyncClient:
        headers = {"Authorization": f"Bearer {self.token}"}
        url = f"http://127.0.0.1:{self.port}"
        return httpx.AsyncClient(trust_env=False, base_url=url, headers=headers, timeout=120)


@contextmanager
def running_api(hub: SandboxHub, database_url: str, log: Path, **settings: int) -> Iterator[Api]:
    """`settings`: of the API, such as `streams=1000` for IBGU_API_STREAMS."""
    port = free_port()
    env = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ} | {
        "KUBECONFIG": str(hub.kubeconfig("ibgu")),
        "DATABASE_URL": database_url,
        "IBGU_LISTEN": f"127.0.0.1:{port}",
        **{f"IBGU_API_{name.upper()}": str(value) for name, value in settings.items()},
    }
    with log.open("wb") as file:
        command = [sys.executable, "-m", "ibgu", "api"]
        with subprocess.Popen(command, env=env, stderr=file) as process:
            try:
                yield Api(process, port, hub.token("alice"))
            finally:
                process.kill()


async def until_ready(api: Api, client: httpx.AsyncClient) -> None:
    while api.process.poll() is None:
        try:
            if (await client.get("/readyz")).status_code == 200:
                return
        except httpx.TransportError:
            await asyncio.sleep(0.1)
    raise AssertionError("it has ended")

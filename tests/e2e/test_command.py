"""`ibgu run` itself, as a user starts and stops it."""

import asyncio
import os
import signal
import sys

import httpx

from ibgu.controller.service import LEASE
from ibgu.hub import paths
from ibgu.sandbox.servers import free_port
from tests.e2e.harness import NAMESPACE, SECONDS, Scene
from tests.e2e.manifests import ibgu, step


async def test_ibgu_run(database_url: str, scene: Scene) -> None:
    """On an empty database, with nothing but the two variables and an address."""
    scene.database_url = database_url
    address = f"127.0.0.1:{free_port()}"
    await scene.fleet(count=2)
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "ibgu", "run", "--migrate"),
        env={
            **os.environ,
            "KUBECONFIG": str(scene.hub.kubeconfig("ibgu")),
            "DATABASE_URL": database_url,
            "IBGU_LISTEN": address,
        },
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        await scene.until(lambda: ready(address), "ibgu to be ready")
        await scene.apply(ibgu("run", step("Prep"), fleet=scene.label))
        await scene.completed("run")
        process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(SECONDS):
            assert await process.wait() == 0
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    lease = await scene.get(paths.lease(NAMESPACE, LEASE))
    assert not lease["spec"].get("holderIdentity")


async def ready(address: str) -> bool:
    async with httpx.AsyncClient(base_url=f"http://{address}") as client:
        try:
            return (await client.get("/readyz")).status_code == 200
        except httpx.TransportError:
            return False

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


async def test_ibgu_run_carries_out_a_rollout(database_url: str, scene: Scene) -> None:
    """The process starts on an empty database, with only the two variables and an address."""
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
        await told_of_two_preps(address)
        process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(SECONDS):
            assert await process.wait() == 0
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    lease = await scene.get(paths.lease(NAMESPACE, LEASE))
    assert not lease["spec"].get("holderIdentity")


async def told_of_two_preps(address: str) -> None:
    async with httpx.AsyncClient(base_url=f"http://{address}", timeout=60) as client:
        text = (await client.get("/metrics")).text
    lines = (line.rpartition(" ") for line in text.splitlines() if line[0] != "#")
    found = {name: float(value) for name, _, value in lines}
    assert found["ibgu_leader"] == 1
    assert found['ibgu_actions_total{action="Prep",cause="",result="succeeded"}'] == 2
    for spent in ("waiting", "working"):
        assert found[f'ibgu_member_seconds_count{{action="Prep",spent="{spent}"}}'] == 2
    assert found["ibgu_reaction_seconds_count"] == found["ibgu_turn_seconds_count"] > 0
    assert found['ibgu_rollouts{phase="Completed"}'] == 1
    assert found['ibgu_hub_requests_total{code="2xx",verb="create"}'] >= 2
    assert found['ibgu_hub_sent_bytes_total{resource="manifestworks",verb="create"}'] > 2000
    assert found['ibgu_api_requests_total{code="200",method="GET",route="/readyz"}'] >= 1


async def ready(address: str) -> bool:
    async with httpx.AsyncClient(base_url=f"http://{address}", timeout=60) as client:
        try:
            return (await client.get("/readyz")).status_code == 200
        except httpx.TransportError:
            return False

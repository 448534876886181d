"""A second ibgu, set to another namespace by a typing error, and to another database."""

import asyncio
import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest

from ibgu.controller import service
from ibgu.controller.service import Controller, controller
from ibgu.db.engine import engine
from ibgu.sandbox.servers import free_port
from tests.cli.test_processes import finished
from tests.e2e.harness import Scene
from tests.e2e.manifests import ibgu, step

TYPO = "ibgu-sytem"


@asynccontextmanager
async def second(scene: Scene, url: str) -> AsyncIterator[Controller]:
    """A controller beside the scene's, with an administrator's rights."""
    kubeconfig = str(scene.hub.kubeconfig("admin"))
    settings = scene.settings(kubeconfig=kubeconfig, database_url=url, namespace=TYPO)
    pool = engine(url)
    async with controller(settings, pool) as made:
        running = asyncio.create_task(made.run())
        try:
            yield made
        finally:
            running.cancel()
            with suppress(asyncio.CancelledError):
                await running
    await pool.dispose()


async def test_a_start_in_a_mistyped_namespace_ends_and_makes_nothing(
    scene: Scene, empty_url: str
) -> None:
    await scene.start()
    env = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ} | {
        "KUBECONFIG": str(scene.hub.kubeconfig("admin")),
        "DATABASE_URL": empty_url,
        "IBGU_LISTEN": f"127.0.0.1:{free_port()}",
        "IBGU_NAMESPACE": f"{TYPO}-2",
    }
    code, _, said = await asyncio.to_thread(finished, env, "run", "--migrate")
    assert code == 1
    assert "✗ leadership: another ibgu leads this hub: " in said
    assert f"in namespace ibgu-system; this one is set to namespace {TYPO}-2" in said
    assert "→ set IBGU_NAMESPACE=ibgu-system and the same DATABASE_URL, or stop the other" in said
    assert (await scene.tried("get", "namespace", f"{TYPO}-2")).code != 0
    code, out, _ = await asyncio.to_thread(finished, env, "doctor", "-o", "json")
    told = [f for f in json.loads(out)["findings"] if f["check"] == "leadership"]
    assert code == 2
    assert [each["level"] for each in told] == ["error"]
    assert "another ibgu leads this hub" in told[0]["found"]


async def test_two_never_lead_one_hub(
    scene: Scene, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The one that comes second leads nothing, and says so, until the first one has stopped."""
    monkeypatch.setattr(service, "RIVAL_PAUSE", 0.5)
    await scene.kubectl("create", "namespace", TYPO)
    await scene.fleet(count=2)
    await scene.start()
    async with second(scene, database_url) as other:
        await scene.until(lambda: "another ibgu leads" in str(other.problems()), "it to say so")
        await scene.apply(ibgu("alone", step("Prep"), fleet=scene.label))
        await scene.completed("alone")
        assert scene.leading()
        assert not other.leading
        for cluster in (f"{scene.label}-1", f"{scene.label}-2"):
            assert scene.stages(cluster) == ["Prep"]
        await scene.stop()
        await scene.until(lambda: other.leading, "the other one to lead")
        assert other.problems() == []

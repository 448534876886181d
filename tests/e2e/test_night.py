"""An operator's night: a rollout with failures is watched, paused, mended and driven on.

All along, page, CLI, REST and kubectl are read again and again, as fast as they answer. What one of
them shows together must have been so in one moment of the history, and never go back; wherever the
rollout stands still all must show the same. `NIGHT_CLUSTERS=1000` is the night of a large fleet;
the test run has a small one.
"""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from msgspec import Struct, field

from ibgu.db import engine
from ibgu.db.reads import Reads
from ibgu.db.reads.log import named
from ibgu.db.views import EventRow
from tests.e2e.harness import Scene
from tests.e2e.manifests import ibgu, step
from tests.e2e.moments import Numbers, Shown, moments, never_were
from tests.e2e.test_numbers import Surfaces, surfaces

__all__ = ["surfaces"]

CLUSTERS = int(os.environ.get("NIGHT_CLUSTERS", "60"))
SLOTS = max(6, CLUSTERS // 10)
PATIENCE = 60.0 + CLUSTERS * 0.6
"""Seconds for each part of the night."""
NAME = "numbers"
LEASE: dict[str, Any] = {
    "lease_seconds": 60,
    "lease_renew_seconds": 40,
    "lease_retry_seconds": 5,
}
"""Fleet, controller, API and surfaces share one machine, and it is not about the leader."""
COLUMNS = ("phase", "step", "succeeded", "failed", "total", "running", "waiting")
"""Of `kubectl get ibgu -o wide`, behind the name."""
FAULTS = (
    "prep.precache=0.02",
    "prep.seed-image=0.02",
    "upgrade.init-monitor=0.02",
    "upgrade.restore=0.02",
    "returns-late=0.02",
    "flapping-lease=0.02",
)


class Watch(Struct):
    """What was seen on the surfaces, in the order in which each of them showed it."""

    surfaces: Surfaces
    server: str
    shown: list[Shown] = field(default_factory=list)

    async def forever(self) -> None:
        async with asyncio.TaskGroup() as group:
            for surface, look in self.looks().items():
                group.create_task(self._again_and_again(surface, look))

    async def _again_and_again(self, surface: str, look: Callable[[], Awaitable[Numbers]]) -> None:
        while True:
            if numbers := await look():
                self.shown.append(Shown(surface, numbers))
            await asyncio.sleep(0.5)

    def looks(self) -> dict[str, Callable[[], Awaitable[Numbers]]]:
        return {
            "kubectl": self.by_kubectl,
            "CLI": self.by_command,
            "REST": self.by_rest,
            "page": self.surfaces.headline,
        }

    async def by_kubectl(self) -> Numbers:
        text = await self.surfaces.scene.kubectl("get", "ibgu", NAME, "--no-headers", "-o", "wide")
        return _row(text, COLUMNS)

    async def by_command(self) -> Numbers:
        answer = json.loads(await self.command("status", NAME, "-o", "json"))
        return _of_rest(answer["rollout"])

    async def by_rest(self) -> Numbers:
        return _of_rest(await self.surfaces.get(""))

    async def command(self, *arguments: str) -> str:
        """What `ibgu` prints for the operator; a failure is told with its words."""
        hub = self.surfaces.scene.hub
        env = {"IBGU_SERVER": self.server, "IBGU_TOKEN": hub.token("admin")}
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "ibgu", *arguments,
            env={**os.environ, **env, "KUBECONFIG": str(hub.kubeconfig("admin"))},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        out, error = await process.communicate()
        assert process.returncode == 0, (arguments, out, error)
        return out.decode()

    async def agree(self) -> Numbers:
        """Wait until every surface shows the same, and nothing moves while they are read."""
        found: list[Numbers] = []

        async def same() -> bool:
            found[:] = [await look() for look in (*self.looks().values(), self.by_rest)]
            return all(found) and all(each.items() <= found[-1].items() for each in found)

        try:
            await self.surfaces.scene.until(same, "the same numbers everywhere", PATIENCE)
        except AssertionError as error:
            error.add_note(str(found))
            raise
        return found[-1]


def _row(text: str, names: tuple[str, ...]) -> Numbers:
    """Empty as long as nothing is counted: kubectl leaves such columns out."""
    cells = text.split()[1:]
    if len(cells) <= len(names):
        return {}
    return {
        name: cell if name == "phase" else int(cell)
        for name, cell in zip(names, cells, strict=False)
    }


def _of_rest(rollout: dict[str, object]) -> Numbers:
    current, counts = rollout["current"], rollout["counts"]
    if not isinstance(current, dict) or not isinstance(counts, dict):
        return {}
    return {"phase": str(rollout["phase"]), "step": current["step"], **counts}


@asynccontextmanager
async def watched(surfaces: Surfaces) -> AsyncIterator[Watch]:
    watch = Watch(surfaces, str(surfaces.rest.base_url).removesuffix("/api/v1/"))
    watching = asyncio.create_task(watch.forever())
    try:
        yield watch
    finally:
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)


async def history(scene: Scene) -> list[EventRow]:
    pool = engine(scene.database_url)
    try:
        (found,) = await named(pool, "default", NAME)
        reads, events, after = Reads(pool, found.hub), list[EventRow](), 0
        while page := (await reads.events(found.rollout.uid, after=after, limit=1000)).items:
            events += page
            after = page[-1].seq
        return events
    finally:
        await pool.dispose()


@pytest.mark.timeout(3600)
async def test_the_operators_night(scene: Scene, surfaces: Surfaces) -> None:
    await scene.fleet(count=CLUSTERS, faults=FAULTS)
    await scene.start(**LEASE)
    await scene.apply(ibgu(NAME, step("Prep", most=SLOTS), fleet=scene.label))
    await scene.phase(NAME, "Running")
    async with watched(surfaces) as watch:
        await _stand_still(scene, watch, step=1)
        await watch.command("resume", NAME)
        await _ended(scene, watch)
        for actions in (("AbortOnFailure",), ("Upgrade",)):
            await watch.command("add-step", NAME, *actions, "--yes")
        await _stand_still(scene, watch, step=3)
        await watch.command("resume", NAME)
        end = await _ended(scene, watch)
    assert end["total"] == CLUSTERS
    assert end["phase"] == ("CompletedWithFailures" if end["failed"] else "Completed")
    true = moments(await history(scene), "default", NAME)
    assert {each.surface for each in watch.shown} == set(watch.looks())
    assert never_were(watch.shown, true) == []


async def _stand_still(scene: Scene, watch: Watch, step: int) -> None:
    """Pause in the middle of the step, and compare once nobody runs any more."""
    last = [f"{scene.label}-{CLUSTERS - number}" for number in range(SLOTS)]

    async def some() -> bool:
        now = await watch.by_rest()
        return now["step"] == step and (await watch.surfaces.of_step())["succeeded"] >= SLOTS

    async def nobody() -> bool:
        now = await watch.by_rest()
        return now["phase"] == "Held" and now["running"] == 0

    for cluster in last:
        scene.freeze(cluster)
    await scene.until(some, "some clusters to succeed", PATIENCE)
    await watch.command("pause", NAME, "--why", "a look in the middle of the night")
    for cluster in last:
        scene.freeze(cluster, False)
    await scene.until(nobody, "nobody in flight", PATIENCE)
    assert (await watch.agree())["waiting"]


async def _ended(scene: Scene, watch: Watch) -> Numbers:
    await scene.phase(NAME, "Completed", "CompletedWithFailures", seconds=PATIENCE)
    await scene.at_rest()
    return await watch.agree()

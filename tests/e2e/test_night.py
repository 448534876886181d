"""An operator's night: a rollout with failures is watched, paused, mended and driven on.

All along, page, commands, REST and kubectl are read again and again, some of them for the clusters
of one label, too. What one of them shows together must have been so in one moment of the history,
and never go back; wherever the rollout stands still all must show the same.
`NIGHT_CLUSTERS=1000` is the night of a large fleet; the test run has a small one.
"""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from msgspec import Struct

from tests.e2e import screens
from tests.e2e.harness import COMPLETED, Scene
from tests.e2e.manifests import ibgu, step
from tests.e2e.moments import SOME, Numbers
from tests.e2e.test_numbers import NAME, Surfaces, surfaces
from tests.e2e.watch import BUSY_MACHINE, LABEL, Watch, watched

__all__ = ["surfaces"]

CLUSTERS = int(os.environ.get("NIGHT_CLUSTERS", "40"))
SLOTS = max(6, CLUSTERS // 10)
PATIENCE = 600.0 + CLUSTERS * 1.2
"""Seconds for each part of the night."""
PAUSE = max(1.0, CLUSTERS / 500)
"""Seconds between two looks of one watcher: a large fleet's answers take the cores from it."""
FAULTS = (
    "prep.precache*1=0.03",
    "prep.seed-image=0.03",
    "upgrade.init-monitor=0.03",
    "upgrade.restore=0.03",
    "returns-late=0.03",
    "flapping-lease=0.03",
)


class Night(Struct):
    scene: Scene
    watch: Watch
    canaries: list[str]

    async def agree(self) -> Numbers:
        return await self.watch.agree(PATIENCE)

    async def stand_still(self, step: int) -> None:
        """Pause in the middle of the step, and compare once nobody runs any more."""

        async def some() -> bool:
            return int((await self.watch.by_rest()).get(f"{step}.succeeded", 0)) >= SLOTS // 2

        async def nobody() -> bool:
            now = await self.watch.by_rest()
            return now["phase"] == "Held" and now["running"] == 0

        await self.scene.until(some, "some clusters to succeed", PATIENCE)
        await self.watch.ibgu("pause", NAME, "--why", "a look in the middle of the night")
        _freeze(self.scene, False)
        await self.scene.until(nobody, "nobody in flight", PATIENCE)
        assert (await self.agree())["waiting"]

    async def skip(self) -> None:
        """One that waits is taken out; one that has ended is refused, in words."""
        watch = self.watch
        ended, waits = await watch.members("finished"), await watch.members("waiting")
        refused = await watch.ibgu("skip", NAME, ended[0], "--yes", fails=True)
        assert ended[0] in refused
        chosen = next((cluster for cluster in waits if cluster in self.canaries), waits[0])
        await watch.ibgu("skip", NAME, chosen, "--yes")

        async def skipped() -> bool:
            return (await watch.by_view()).get("skipped") == 1

        await self.scene.until(skipped, "the cluster to be skipped", PATIENCE)
        now, some = await self.agree(), int(chosen in self.canaries)
        assert (now["1.skipped"], now[f"{SOME}skipped"], now[f"{SOME}1.skipped"]) == (1, some, some)

    async def add(self, action: str) -> None:
        await self.watch.ibgu("add-step", NAME, action, "--yes")

    async def ended(self) -> Numbers:
        await self.scene.phase(NAME, *COMPLETED, seconds=PATIENCE)
        await self.scene.at_rest()
        return await self.agree()

    async def retry(self, before: Numbers) -> None:
        """The failed ones get a rollout of their own; the numbers of this one stay as they are."""
        if not before["failed"]:
            return
        again = (await self.watch.ibgu.json("retry", NAME))["done"].split()[0]
        await self.scene.phase(again, *COMPLETED, seconds=PATIENCE)
        await self.scene.at_rest()
        assert await self.watch.agree(PATIENCE, retried=True) == before
        found = (await self.watch.surfaces.rest.get(f"rollouts/default/{again}")).json()
        status = await self.watch.ibgu.json("status", again)
        row = await self.scene.kubectl("get", "ibgu", again, "--no-headers", "-o", "wide")
        assert found["counts"]["total"] <= before["failed"]
        by_kubectl, by_rest = screens.of_row(row), screens.of_rollout(found)
        assert by_kubectl.items() <= by_rest.items() <= screens.of_status(status).items()


@asynccontextmanager
async def evening(scene: Scene, surfaces: Surfaces) -> AsyncIterator[Night]:
    """A fleet with some faults, a controller, and an IBGU whose Prep is under way."""
    await scene.fleet(count=CLUSTERS, faults=FAULTS)
    canaries = [f"{scene.label}-{number}" for number in range(1, CLUSTERS + 1, 7)]
    await scene.kubectl("label", "managedcluster", *canaries, LABEL)
    await scene.start(**BUSY_MACHINE)
    _freeze(scene, True)
    await scene.apply(ibgu(NAME, step("Prep", most=SLOTS), fleet=scene.label))
    await scene.phase(NAME, "Running")
    async with watched(surfaces, NAME, canaries, PAUSE) as watch:
        yield Night(scene, watch, canaries)
    await watch.was_true()


def _freeze(scene: Scene, frozen: bool) -> None:
    """More clusters than there are slots say nothing, so that the step can't end without them."""
    for number in range(SLOTS + 1, 3 * SLOTS + 1):
        scene.freeze(f"{scene.label}-{number}", frozen)


@pytest.mark.timeout(7200)
async def test_the_operators_night(scene: Scene, surfaces: Surfaces) -> None:
    async with evening(scene, surfaces) as night:
        await night.stand_still(step=1)
        await night.skip()
        await night.watch.ibgu("resume", NAME)
        await night.ended()
        await night.add("AbortOnFailure")
        await night.ended()
        _freeze(scene, True)
        await night.add("Upgrade")
        await night.stand_still(step=3)
        await night.watch.ibgu("resume", NAME)
        await night.ended()
        await night.add("AbortOnFailure")
        end = await night.ended()
        await night.retry(end)
    seen = {each.surface for each in night.watch.shown}
    assert set(night.watch.looks()) - seen <= {"members", "REST members"}, seen
    assert end["total"] == CLUSTERS
    assert end[f"{SOME}total"] == len(night.canaries)
    assert end["phase"] == ("CompletedWithFailures" if end["failed"] else "Completed")

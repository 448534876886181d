"""An operator's night: a rollout with failures is watched, paused, mended and driven on.

All along, page, commands, REST and kubectl are read again and again, as fast as they answer; some
of them for the clusters of one label, too. What one of them shows together must have been so in one
moment of the history, and never go back; wherever the rollout stands still all must show the same.
`NIGHT_CLUSTERS=1000` is the night of a large fleet; the test run has a small one.
"""

import asyncio
import json
import os
import sys
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from functools import partial
from itertools import cycle
from typing import Any

import pytest
from msgspec import Struct, field
from playwright.async_api import Page

from ibgu.db import engine
from ibgu.db.reads import Reads
from ibgu.db.reads.log import named
from ibgu.db.views import EventRow
from tests.e2e import screens
from tests.e2e.harness import COMPLETED, Scene
from tests.e2e.manifests import ibgu, step
from tests.e2e.moments import SOME, Numbers, Shown, moments, never_were
from tests.e2e.test_numbers import READ, Surfaces, surfaces

__all__ = ["surfaces"]

CLUSTERS = int(os.environ.get("NIGHT_CLUSTERS", "60"))
SLOTS = max(6, CLUSTERS // 10)
PATIENCE = 60.0 + CLUSTERS * 1.2
"""Seconds for each part of the night."""
PAUSE = max(0.2, CLUSTERS / 500)
"""Seconds between two looks of one watcher: a large fleet's answers take the cores from it."""
NAME = "numbers"
LABEL = "ring=canary"
LEASE: dict[str, Any] = {
    "lease_seconds": 60,
    "lease_renew_seconds": 40,
    "lease_retry_seconds": 5,
}
"""Fleet, controller, API and surfaces share one machine, and it is not about the leader."""
FAULTS = (
    "prep.precache*1=0.02",
    "prep.seed-image=0.02",
    "upgrade.init-monitor=0.02",
    "upgrade.restore=0.02",
    "returns-late=0.02",
    "flapping-lease=0.02",
)
Look = Callable[[], Awaitable[Numbers]]


class Watch(Struct):
    """The sightings on all surfaces, in the order in which each surface showed them."""

    surfaces: Surfaces
    server: str
    filtered: Page
    """The rollout's page with the label filter."""
    shown: list[Shown] = field(default_factory=list)

    async def forever(self) -> None:
        async with asyncio.TaskGroup() as group:
            for looks in self.watchers():
                group.create_task(self._in_turn(looks))

    async def _in_turn(self, looks: dict[str, Look]) -> None:
        for surface, look in cycle(looks.items()):
            if numbers := await look():
                self.shown.append(Shown(surface, numbers))
            await asyncio.sleep(PAUSE)

    def watchers(self) -> Iterator[dict[str, Look]]:
        """The surfaces by who looks at them: each of these does nothing else."""
        yield {"kubectl": self.by_kubectl}
        yield {
            "status": self.by_status,
            "status -l": self.by_filtered_status,
            "tree": self.by_tree,
        }
        yield {"REST": self.by_rest, "view": self.by_view}
        yield {
            "page": partial(self.by_page, self.surfaces.rollout, ""),
            "page with a filter": partial(self.by_page, self.filtered, SOME),
            "list": self.by_list,
        }

    def looks(self) -> dict[str, Look]:
        return {name: look for looks in self.watchers() for name, look in looks.items()}

    async def by_kubectl(self) -> Numbers:
        text = await self.surfaces.scene.kubectl("get", "ibgu", NAME, "--no-headers", "-o", "wide")
        return screens.of_row(text)

    async def by_status(self) -> Numbers:
        return screens.of_status(json.loads(await self.command("status", NAME, "-o", "json")))

    async def by_filtered_status(self) -> Numbers:
        answer = await self.command("status", NAME, "-l", LABEL, "-o", "json")
        return screens.of_status(json.loads(answer), SOME)

    async def by_tree(self) -> Numbers:
        return screens.of_tree(json.loads(await self.command("tree", NAME, "-o", "json")))

    async def by_rest(self) -> Numbers:
        return screens.of_rollout(await self.surfaces.get(""))

    async def by_view(self) -> Numbers:
        return screens.of_view(await self.surfaces.get(f"/view?label={LABEL}"))

    async def by_page(self, page: Page, of: str) -> Numbers:
        return screens.of_page(await page.evaluate(READ), of)

    async def by_list(self) -> Numbers:
        page = self.surfaces.list
        row = page.locator(".rollout", has=page.get_by_text(NAME, exact=True))
        if not await row.count():
            return {}
        label, troubles = await row.evaluate(
            """row => [row.querySelector("[role=img]")?.ariaLabel ?? "",
              row.querySelector(".troubles")?.innerText ?? ""]"""
        )
        return screens.of_bar(label.replace(",", ""), troubles.replace(",", ""))

    async def command(self, *arguments: str, fails: bool = False) -> str:
        """Returns what `ibgu` prints for the operator; a failure is shown with its words."""
        hub = self.surfaces.scene.hub
        env = {"IBGU_SERVER": self.server, "IBGU_TOKEN": hub.token("admin")}
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "ibgu", *arguments,
            env={**os.environ, **env, "KUBECONFIG": str(hub.kubeconfig("admin"))},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        out, error = await process.communicate()
        assert (process.returncode != 0) is fails, (arguments, out, error)
        return (error if fails else out).decode()

    async def members(self, state: str) -> list[str]:
        found = json.loads(await self.command("members", NAME, "--state", state, "-o", "json"))
        return [each["cluster"] for each in found["items"]]

    async def agree(self) -> Numbers:
        """Wait until every surface shows the same, and nothing moves while they are read."""
        found: dict[str, dict[str, int | str]] = {}

        async def same() -> bool:
            before = await self.by_view()
            found.clear()
            for name, look in self.looks().items():
                found[name] = {**await look()}
            found["view again"] = {**await self.by_view()}
            everything = found["status"] | found["status -l"] | found["view again"]
            alike = all(each and each.items() <= everything.items() for each in found.values())
            return alike and before == found["view again"]

        try:
            await self.surfaces.scene.until(same, "the same numbers everywhere", PATIENCE)
        except AssertionError as error:
            error.add_note("\n".join(f"{name}: {numbers}" for name, numbers in found.items()))
            raise
        return found["view again"]


@asynccontextmanager
async def watched(surfaces: Surfaces) -> AsyncIterator[Watch]:
    filtered = await surfaces.open(f"#/r/default/{NAME}?label={LABEL.replace('=', '%3D')}")
    watch = Watch(surfaces, str(surfaces.rest.base_url).removesuffix("/api/v1/"), filtered)
    watching = asyncio.create_task(watch.forever())
    try:
        yield watch
    finally:
        watching.cancel()
        ended = await asyncio.gather(watching, return_exceptions=True)
    assert isinstance(ended[0], asyncio.CancelledError), ended


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


@pytest.mark.timeout(7200)
async def test_the_operators_night(scene: Scene, surfaces: Surfaces) -> None:
    await scene.fleet(count=CLUSTERS, faults=FAULTS)
    canaries = [f"{scene.label}-{number}" for number in range(1, CLUSTERS + 1, 7)]
    await scene.kubectl("label", "managedcluster", *canaries, LABEL)
    await scene.start(**LEASE)
    _freeze(scene, True)
    await scene.apply(ibgu(NAME, step("Prep", most=SLOTS), fleet=scene.label))
    await scene.phase(NAME, "Running")
    async with watched(surfaces) as watch:
        await _stand_still(scene, watch, step=1)
        await _skip(watch, canaries)
        await watch.command("resume", NAME)
        await _ended(scene, watch)
        await watch.command("add-step", NAME, "AbortOnFailure", "--yes")
        await _ended(scene, watch)
        _freeze(scene, True)
        await watch.command("add-step", NAME, "Upgrade", "--yes")
        await _stand_still(scene, watch, step=3)
        await watch.command("resume", NAME)
        await _ended(scene, watch)
        await watch.command("add-step", NAME, "AbortOnFailure", "--yes")
        end = await _ended(scene, watch)
        await _retry(scene, watch, end)
    assert end["total"] == CLUSTERS
    assert end[f"{SOME}total"] == len(canaries)
    assert end["phase"] == ("CompletedWithFailures" if end["failed"] else "Completed")
    true = moments(await history(scene), "default", NAME, canaries)
    told = Counter(each.surface for each in watch.shown)
    print(f"{len(true)} moments; looks: {dict(told)}; at the end: {end}")
    assert set(told) == set(watch.looks())
    assert never_were(watch.shown, true) == []


def _freeze(scene: Scene, frozen: bool) -> None:
    """More clusters than there are slots say nothing, so that the step can't end without them."""
    for number in range(SLOTS + 1, 3 * SLOTS + 1):
        scene.freeze(f"{scene.label}-{number}", frozen)


async def _stand_still(scene: Scene, watch: Watch, step: int) -> None:
    """Pause in the middle of the step, and compare once nobody runs any more."""

    async def some() -> bool:
        return int((await watch.by_rest()).get(f"{step}.succeeded", 0)) >= SLOTS // 2

    async def nobody() -> bool:
        now = await watch.by_rest()
        return now["phase"] == "Held" and now["running"] == 0

    await scene.until(some, "some clusters to succeed", PATIENCE)
    await watch.command("pause", NAME, "--why", "a look in the middle of the night")
    _freeze(scene, False)
    await scene.until(nobody, "nobody in flight", PATIENCE)
    assert (await watch.agree())["waiting"]


async def _skip(watch: Watch, canaries: list[str]) -> None:
    """One that waits is taken out; one that has ended is refused, in words."""
    ended, waits = await watch.members("finished"), await watch.members("waiting")
    refused = await watch.command("skip", NAME, ended[0], "--yes", fails=True)
    assert ended[0] in refused
    chosen = next((cluster for cluster in waits if cluster in canaries), waits[0])
    await watch.command("skip", NAME, chosen, "--yes")

    async def skipped() -> bool:
        return (await watch.by_view()).get("skipped") == 1

    await watch.surfaces.scene.until(skipped, "the cluster to be skipped", PATIENCE)
    now, some = await watch.agree(), int(chosen in canaries)
    assert (now["1.skipped"], now[f"{SOME}skipped"], now[f"{SOME}1.skipped"]) == (1, some, some)


async def _retry(scene: Scene, watch: Watch, before: Numbers) -> None:
    """The failed ones get a rollout of their own; the numbers of this one stay as they are."""
    if not before["failed"]:
        return
    done = json.loads(await watch.command("retry", NAME, "-o", "json"))["done"]
    again = done.split()[0]
    await scene.phase(again, *COMPLETED, seconds=PATIENCE)
    await scene.at_rest()
    assert await watch.agree() == before
    found = (await watch.surfaces.rest.get(f"rollouts/default/{again}")).json()
    status = json.loads(await watch.command("status", again, "-o", "json"))
    row = await scene.kubectl("get", "ibgu", again, "--no-headers", "-o", "wide")
    assert found["counts"]["total"] <= before["failed"]
    by_kubectl, by_rest = screens.of_row(row), screens.of_rollout(found)
    assert by_kubectl.items() <= by_rest.items() <= screens.of_status(status).items()


async def _ended(scene: Scene, watch: Watch) -> Numbers:
    await scene.phase(NAME, *COMPLETED, seconds=PATIENCE)
    await scene.at_rest()
    return await watch.agree()

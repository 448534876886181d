"""All who look at one rollout: page, commands, REST, kubectl and the controller's metrics."""

import asyncio
import json
import os
import sys
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterator
from contextlib import asynccontextmanager
from functools import partial
from itertools import cycle
from typing import Any

from msgspec import Struct, field
from playwright.async_api import Page
from prometheus_client import generate_latest

from ibgu.client.wire import PAGE
from ibgu.db import engine
from ibgu.db.reads import Reads
from ibgu.db.views import EventRow
from tests.e2e import screens
from tests.e2e.harness import Scene
from tests.e2e.moments import SOME, Numbers, Sighting, moments, never_were
from tests.e2e.test_numbers import READ, Surfaces

LABEL = "ring=canary"
Look = Callable[[], Awaitable[Numbers]]
AT_ONCE = 3
"""Looks at once where all are compared: they share the cores with what they look at."""
BUSY_MACHINE: dict[str, Any] = {
    "lease_seconds": 60,
    "lease_renew_seconds": 40,
    "lease_retry_seconds": 5,
}
"""Settings of a controller that shares its machine with fleet, API and surfaces: the Lease is not
what these tests are about."""


class Commands(Struct):
    """The operator's commands, each in a process of its own."""

    scene: Scene
    server: str

    async def __call__(self, *arguments: str, fails: bool = False) -> str:
        """Returns what `ibgu` prints for the operator; a failure is shown with its words."""
        hub = self.scene.hub
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

    async def json(self, *arguments: str) -> Any:
        return json.loads(await self(*arguments, "-o", "json"))


class Watch(Struct):
    """The sightings of one rollout on all surfaces, in the order in which each showed them."""

    name: str
    surfaces: Surfaces
    ibgu: Commands
    page: Page
    filtered: Page
    """The rollout's page with the label filter."""
    canaries: Collection[str]
    """The clusters with the label."""
    pause: float
    """Seconds between two looks of one watcher, which looks for a fifth of the time at most."""
    shown: list[Sighting] = field(default_factory=list)
    looking: asyncio.Event = field(default_factory=asyncio.Event)
    """Set while the watchers look: all surfaces are compared without them."""

    async def forever(self) -> None:
        self.looking.set()
        async with asyncio.TaskGroup() as group:
            for looks in self.watchers():
                group.create_task(self._in_turn(looks))

    async def _in_turn(self, looks: dict[str, Look]) -> None:
        loop = asyncio.get_running_loop()
        for surface, look in cycle(looks.items()):
            await self.looking.wait()
            began = loop.time()
            if numbers := await look():
                self.shown.append(Sighting(surface, numbers))
            # Else watchers alone take all cores of a slow machine, and steps time out.
            await asyncio.sleep(max(self.pause, 4 * (loop.time() - began)))

    def watchers(self) -> Iterator[dict[str, Look]]:
        """The surfaces by who looks at them: each of these does nothing else."""
        yield {"kubectl": self.by_kubectl, "metrics": self.by_metrics}
        yield {
            "status": self.by_status,
            "status -l": self.by_filtered_status,
            "tree": self.by_tree,
            "get": self.by_get,
            "overview": self.by_overview,
            "members": self.by_members,
            "events": self.by_events,
        }
        yield {"REST": self.by_rest, "view": self.by_view, "REST members": self.by_rest_members}
        yield {
            "page": partial(self.by_page, self.page, ""),
            "page with a filter": partial(self.by_page, self.filtered, SOME),
            "list": self.by_list,
        }

    def looks(self) -> dict[str, Look]:
        return {name: look for looks in self.watchers() for name, look in looks.items()}

    # -- the surfaces --------------------------------------------------------------------------

    async def by_kubectl(self) -> Numbers:
        row = await self.surfaces.scene.kubectl(
            "get", "ibgu", self.name, "--no-headers", "-o", "wide"
        )
        return screens.of_row(row)

    async def by_metrics(self) -> Numbers:
        controller = self.surfaces.scene.controller
        assert controller is not None
        controller.measure()
        return screens.of_metrics(generate_latest().decode(), f"default/{self.name}")

    async def by_status(self) -> Numbers:
        return screens.of_status(await self.ibgu.json("status", self.name))

    async def by_filtered_status(self) -> Numbers:
        return screens.of_status(await self.ibgu.json("status", self.name, "-l", LABEL), SOME)

    async def by_tree(self) -> Numbers:
        return screens.of_tree(await self.ibgu.json("tree", self.name))

    async def by_get(self) -> Numbers:
        return screens.of_rollout(await self.ibgu.json("get", self.name))

    async def by_overview(self) -> Numbers:
        found = (await self.ibgu.json("status"))["rollouts"]
        return screens.of_rollout(next(each for each in found if each["name"] == self.name))

    async def by_members(self) -> Numbers:
        return self._of_members((await self.ibgu.json("members", self.name))["items"])

    async def by_events(self) -> Numbers:
        lines = await self.ibgu("events", self.name, "--verbose", "-o", "json")
        return screens.of_events(lines, self.canaries)

    async def by_rest(self) -> Numbers:
        return screens.of_rollout(await self.get(""))

    async def by_view(self) -> Numbers:
        return screens.of_view(await self.get(f"/view?label={LABEL}"))

    async def by_rest_members(self) -> Numbers:
        page = await self.get(f"/members?limit={PAGE}")
        items = page["items"]
        while cursor := page["nextCursor"]:
            page = await self.get(f"/members?limit={PAGE}&cursor={cursor}")
            items += page["items"]
        return self._of_members(items)

    def _of_members(self, items: list[Any]) -> Numbers:
        """Several pages are of several moments, so that only a standing rollout has their sums."""
        moving = self.looking.is_set()
        return {} if moving and len(items) > PAGE else screens.of_members(items)

    async def by_page(self, page: Page, of: str) -> Numbers:
        return screens.of_page(await page.evaluate(READ), of)

    async def by_list(self) -> Numbers:
        page = self.surfaces.list
        row = page.locator(".rollout", has=page.get_by_text(self.name, exact=True))
        if not await row.count():
            return {}
        label, troubles = await row.evaluate(
            """row => [row.querySelector("[role=img]")?.ariaLabel ?? "",
              row.querySelector(".troubles")?.innerText ?? ""]"""
        )
        return screens.of_bar(label.replace(",", ""), troubles.replace(",", ""))

    async def left(self) -> Numbers:
        """Returns how many clusters `ibgu stragglers` lists."""
        found = await self.ibgu.json("stragglers", self.name)
        groups = sum(each["count"] for each in found["groups"])
        others = sum(found["elsewhere"].values()) + sum(found["cancelled"].values())
        return {"left": groups + others}

    async def get(self, path: str) -> Any:
        return await self.surfaces.get(path, self.name)

    async def members(self, state: str) -> list[str]:
        found = await self.ibgu.json("members", self.name, "--state", state)
        return [each["cluster"] for each in found["items"]]

    # -- all of them at once -------------------------------------------------------------------

    async def agree(self, patience: float, *, retried: bool = False) -> Numbers:
        """Wait until every surface shows the same, and nothing moves while they are read.

        `retried`: another rollout has taken the clusters that are left, as their list says.
        """
        self.looking.clear()
        try:
            also = {} if retried else {"stragglers": self.left}
            return await self._agree({**self.looks(), **also}, patience)
        finally:
            self.looking.set()

    async def _agree(self, looks: dict[str, Look], patience: float) -> Numbers:
        found: dict[str, dict[str, int | str]] = {}

        async def same() -> bool:
            before = await self.by_view()
            found.clear()
            for name, numbers in zip(looks, await _all(looks), strict=True):
                found[name] = {**numbers}
            found["view again"] = {**await self.by_view()}
            everything = found["status"] | found["status -l"] | found["view again"]
            everything["left"] = int(everything["total"]) - int(everything["succeeded"])
            alike = all(each and each.items() <= everything.items() for each in found.values())
            return alike and before == found["view again"]

        try:
            await self.surfaces.scene.until(same, "the same numbers everywhere", patience)
        except AssertionError as error:
            error.add_note("\n".join(f"{name}: {numbers}" for name, numbers in found.items()))
            raise
        return found["view again"]

    async def was_true(self) -> None:
        """Compare what each surface has shown with the moments of the history."""
        true = moments(await self._history(), self.canaries)
        told = Counter(each.surface for each in self.shown)
        print(f"{self.name}: {len(true)} moments; looks: {dict(told)}")
        assert never_were(self.shown, true) == []

    async def _history(self) -> list[EventRow]:
        pool = engine(self.surfaces.scene.database_url)
        try:
            (found,) = await self.surfaces.scene.journal(
                "SELECT hub, uid FROM rollouts WHERE namespace = 'default' AND name = $1", self.name
            )
            reads, events, after = Reads(pool, found["hub"]), list[EventRow](), 0
            while page := (await reads.events(found["uid"], after=after, limit=1000)).items:
                events += page
                after = page[-1].seq
            return events
        finally:
            await pool.dispose()


async def _all(looks: dict[str, Look]) -> list[Numbers]:
    free = asyncio.Semaphore(AT_ONCE)

    async def numbers(look: Look) -> Numbers:
        async with free:
            return await look()

    return await asyncio.gather(*map(numbers, looks.values()))


@asynccontextmanager
async def watched(
    surfaces: Surfaces, name: str, canaries: Collection[str], pause: float
) -> AsyncIterator[Watch]:
    """Everybody looks at the rollout, until the end."""
    link = f"#/r/default/{name}"
    page = await surfaces.open(link)
    filtered = await surfaces.open(f"{link}?label={LABEL.replace('=', '%3D')}")
    commands = Commands(surfaces.scene, str(surfaces.rest.base_url).removesuffix("/api/v1/"))
    watch = Watch(name, surfaces, commands, page, filtered, canaries, pause)
    watching = asyncio.create_task(watch.forever())
    try:
        yield watch
    finally:
        watching.cancel()
        ended = await asyncio.gather(watching, return_exceptions=True)
        await page.close()
        await filtered.close()
    assert isinstance(ended[0], asyncio.CancelledError), ended

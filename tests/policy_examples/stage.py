"""The stage of one example: a fleet, the guide's policies, rollouts under them, and the
controller's clock, which can run faster."""

import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from msgspec import Struct

from ibgu.hub import paths
from tests.e2e.clock import ScaledTime
from tests.e2e.harness import COMPLETED, Scene, check_status
from tests.e2e.manifests import Object, ibgu
from tests.e2e.tenants import Tenants
from tests.e2e.watch import BUSY_MACHINE
from tests.policy_examples.guide import SAME, command, manifest
from tests.policy_examples.surfaces import Screens, Surfaces, surfaces

NAMESPACE, ROLLOUT = "ran", "region-7"
NAMED = (17, 18, 40, 41, 42, 117, 140, 143)
"""The clusters that the guide names, their neighbours at the same site, and one of another time
zone."""
RELEASE = "4.16.20"
"""The release from before, one behind that of the seed."""
BEFORE = timedelta(seconds=4)
"""The time until something begins that is not left out."""
PATIENCE = 900.0
"""Seconds for what a whole fleet does."""
_WAITING = """SELECT cluster, reason->>'gate' AS gate, reason->>'message' AS message
FROM members WHERE state = 'waiting' ORDER BY step, position"""
_RUNNING = "SELECT cluster FROM members WHERE state = 'in flight'"
_ENDED = "SELECT count(*) AS count FROM members WHERE step = $1 AND outcome IS NOT NULL"
_LEFT = ("rolloutapprovals", "breakglasses", "events")
"""The kinds of objects that must not be there for the next example's rollout of the same name."""


class Proof(Struct, frozen=True):
    """Proof is what one run of an example has shown."""

    clusters: int
    proven: tuple[str, ...]
    virtual: timedelta
    """The time by the controller's clock."""
    real: timedelta


class Stage:
    def __init__(self, scene: Scene, clusters: int, looks: Surfaces) -> None:
        self.scene = scene
        self.clusters = clusters
        self.looks = looks
        self.clock = ScaledTime(1)
        self._proven: list[str] = []
        self._policies: list[str] = []
        self._from, self._began = self.clock.now(), time.monotonic()

    # -- what is there -------------------------------------------------------------------------

    async def begin(self, *policies: str, dates: Mapping[str, str] = SAME, **fleet: Any) -> None:
        """Starts the fleet, the controller, and the guide's policies, which nora applies."""
        scene = self.scene
        await scene.fleet(names=self.names, version=RELEASE, **fleet)
        await scene.reachable()
        await scene.start(clock=self.clock, **BUSY_MACHINE)
        await Tenants(scene).namespace(NAMESPACE)
        for policy in policies:
            await self.apply("nora", manifest(policy, dates))
            self._policies.append(policy)

    @property
    def names(self) -> list[str]:
        """The clusters in the order in which they join a step."""
        others = [each for each in range(1, self.clusters + 1) if each not in NAMED]
        numbers = sorted([*NAMED, *others[: self.clusters - len(NAMED)]])
        return [f"site-{number}" for number in numbers]

    async def label(self, cluster: str, labels: Mapping[str, str]) -> None:
        body = {"metadata": {"labels": labels}}
        path = paths.managed_cluster(cluster)
        await self.scene.admin.request("PATCH", path, body=body, content_type=paths.MERGE_PATCH)

    # -- people --------------------------------------------------------------------------------

    async def apply(self, user: str, text: str) -> None:
        await self.scene.kubectl("--as", user, "apply", "-f", "-", stdin=text)

    async def rollout(
        self,
        *plan: Object,
        name: str = ROLLOUT,
        selector: Object | None = None,
        annotations: Object | None = None,
    ) -> None:
        """Starts a rollout of olga's."""
        found = ibgu(name, *plan, fleet=self.scene.label, annotations=annotations)
        found["metadata"]["namespace"] = NAMESPACE
        if selector is not None:
            found["spec"]["clusterLabelSelectors"][0]["matchExpressions"] = [selector]
        await self.scene.kubectl("--as", "olga", "apply", "-f", "-", stdin=json.dumps(found))

    async def types(self, user: str, begins: str, *more: str) -> None:
        """Types the guide's command that begins so: one of ibgu's, or of oc."""
        program, *arguments = command(begins, user)
        if program == "oc":
            person = () if user == "admin" else ("--as", user)
            told = await self.scene.kubectl(*person, *arguments)
        else:
            told = await self.looks.typed(user, *arguments, *more)
        self.looks.screens.text(
            "typed", begins.replace(" ", "-"), f"$ {program} {' '.join(arguments)}\n{told}"
        )

    # -- the course ----------------------------------------------------------------------------

    async def until(self, holds: Callable[[], Awaitable[bool]], what: str) -> None:
        await self.scene.until(holds, what, PATIENCE)

    async def waits(self, words: str, count: int = 1) -> list[str]:
        """Waits until so many clusters wait with these words; returns them."""
        found: list[str] = []

        async def told() -> bool:
            rows = await self.scene.journal(_WAITING)
            found[:] = [row["cluster"] for row in rows if words in row["message"]]
            return len(found) >= count

        await self.until(told, f"{count} clusters to wait: {words}")
        return found

    async def held(self, reason: str) -> str:
        """Waits until the status says that the rollout is held for that reason; returns why."""
        found: Object = {}

        async def told() -> bool:
            found.clear()
            found.update(await self.condition("Held"))
            return found.get("reason") == reason

        await self.until(told, f"{ROLLOUT} to be held: {reason}")
        return str(found["message"])

    async def running(self, clusters: Collection[str]) -> None:
        """Waits until these clusters are in flight, and no others."""

        async def so() -> bool:
            rows = await self.scene.journal(_RUNNING)
            return {row["cluster"] for row in rows} == set(clusters)

        await self.until(so, f"only {len(clusters)} clusters to be in flight")

    async def ended(self, count: int, step: int = 1) -> None:
        """Waits until so many clusters have ended the step, which counts from 0."""

        async def told() -> bool:
            [row] = await self.scene.journal(_ENDED, step)
            return bool(row["count"] >= count)

        await self.until(told, f"{count} clusters to end step {step + 1}")

    def soak(self, until: datetime) -> None:
        """Leaves out the time in which nothing but the soak goes on."""
        self.clock.skip_to(until - BEFORE)

    async def status(self, name: str = ROLLOUT) -> dict[str, Any]:
        found = await self.scene.get(paths.ibgu(NAMESPACE, name))
        return dict(found.get("status", {}))

    async def condition(self, type_: str, name: str = ROLLOUT) -> Object:
        conditions = (await self.status(name)).get("conditions", [])
        return next((each for each in conditions if each["type"] == type_), {})

    async def completed(self, name: str = ROLLOUT) -> Object:
        """Waits for the end of the rollout; returns the counts of its summary."""

        async def over() -> bool:
            return (await self.status(name)).get("phase") in COMPLETED

        await self.until(over, f"{name} to be complete")
        await self.scene.at_rest()
        found = await self.scene.get(paths.ibgu(NAMESPACE, name))
        check_status(found)
        return dict(found["status"]["summary"])

    # -- what is proven ------------------------------------------------------------------------

    def prove(self, words: str, so: bool, found: object = "") -> None:
        """Notes what is proven. Raises AssertionError if it is not so."""
        assert so, f"it is not so: {words}: {found}"
        self._proven.append(words)

    def proof(self) -> Proof:
        return Proof(
            self.clusters,
            tuple(self._proven),
            self.clock.now() - self._from,
            timedelta(seconds=time.monotonic() - self._began),
        )

    async def close(self) -> None:
        for policy in self._policies:
            await self.scene.kubectl("delete", "rolloutpolicy", policy, "--ignore-not-found")
        for kind in _LEFT:
            await self.scene.kubectl("delete", kind, "-n", NAMESPACE, "--all")


@asynccontextmanager
async def staged(scene: Scene, clusters: int, folder: Path | None) -> AsyncIterator[Stage]:
    """Yields the stage of one example. `folder`: where pictures and texts are kept."""
    async with surfaces(scene, Screens(folder)) as looks:
        stage = Stage(scene, clusters, looks)
        try:
            yield stage
        finally:
            await stage.close()

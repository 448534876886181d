"""Every fault of the simulator in one fleet, and a second IBGU that takes clusters over.

All along page, commands, REST, kubectl and metrics are read again and again, some of them for the
clusters of one label, too. What one of them shows together must have been so in one moment of the
history, and never go back. At every halt all must show the same.
`NIGHT_CLUSTERS=1000` is the night of a large fleet; the test run has a small one.
"""

import os
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import pytest
from msgspec import Struct, field

from ibgu.sim.faults import CATALOGUE
from tests.e2e.clock import ScaledTime
from tests.e2e.harness import COMPLETED, Scene
from tests.e2e.manifests import Object, ibgu, step
from tests.e2e.moments import Numbers
from tests.e2e.test_numbers import CIRCUIT_BREAKER_OFF, NAME, Surfaces, surfaces
from tests.e2e.watch import BUSY_MACHINE, LABEL, Watch, watched

__all__ = ["surfaces"]

CLUSTERS = int(os.environ.get("NIGHT_CLUSTERS", "80"))
SLOTS = max(14, CLUSTERS // 10)
PATIENCE = 600.0 + CLUSTERS * 1.2
"""Seconds for each part of the night."""
PAUSE = max(1.5, CLUSTERS / 500)
"""Seconds between two looks of one watcher: a large fleet's answers take the cores from it."""
MINUTES = max(30, CLUSTERS // 10)
"""Timeout of a step: healthy clusters need less, even where watchers keep the machine busy."""
HURRY = MINUTES * 6
"""How much faster the controller's clock runs once only the silent are left: ten seconds."""
LENGTHS = {"late-success": ":1500s", "returns-late": ":900s"}
"""The lengths of faults that last for longer than the whole night otherwise."""
SILENT = (
    *("hangs", "late-success", "never-returns", "returns-late", "hand", "frozen-feedback"),
    *("agent-without-rbac", "finalizer-stuck", "ibu-missing", "crd-missing", "namespace-missing"),
    *("offline", "flapping-lease", "upgrade.init-monitor"),
)
"""Faults of clusters that may keep a step open until its time is over."""


class Fleet(Struct):
    """Fleet gives each cluster its part in the night."""

    label: str
    struck: dict[str, str] = field(default_factory=dict)
    """Fault -> its cluster: each strikes one."""

    def __post_init__(self) -> None:
        apart = CLUSTERS / len(CATALOGUE)
        names = self.names
        self.struck = {fault: names[int(n * apart)] for n, fault in enumerate(CATALOGUE)}

    @property
    def names(self) -> list[str]:
        return [f"{self.label}-{number}" for number in range(1, CLUSTERS + 1)]

    @property
    def canaries(self) -> list[str]:
        """Those that have the label: some of each rollout."""
        return [name for name in self.names if name in {*self.names[::7], self.taken[0]}]

    @property
    def healthy(self) -> list[str]:
        return [name for name in self.names if name not in set(self.struck.values())]

    @property
    def silent(self) -> set[str]:
        return {self.struck[fault] for fault in SILENT}

    @property
    def frozen(self) -> list[str]:
        """Clusters that say nothing, so that a step can't end before the operator has looked."""
        return self.healthy[SLOTS // 4 :][:SLOTS]

    @property
    def taken(self) -> list[str]:
        """Those that the second IBGU takes over, in flight or waiting."""
        return [*self.frozen[:4], *self.healthy[-4:]]

    @property
    def faults(self) -> list[str]:
        return [f"{name}{LENGTHS.get(name, '')}@{on}" for name, on in self.struck.items()]


class Night(Struct):
    scene: Scene
    surfaces: Surfaces
    fleet: Fleet
    clock: ScaledTime
    watches: dict[str, Watch] = field(default_factory=dict)

    @property
    def main(self) -> Watch:
        return self.watches[NAME]

    async def begins(self, stack: AsyncExitStack, name: str, manifest: Object) -> Watch:
        """Apply the IBGU; everybody looks at it from then on."""
        await self.scene.apply(manifest)
        await self.scene.phase(name, "Running", *COMPLETED)
        watching = watched(self.surfaces, name, self.fleet.canaries, PAUSE)
        self.watches[name] = watch = await stack.enter_async_context(watching)
        return watch

    async def agree(self) -> None:
        """Wait until all surfaces show the same of each rollout."""
        for watch in self.watches.values():
            await watch.agree(PATIENCE)

    async def ended(self, watch: Watch) -> Numbers:
        """Wait until the rollout is over; the silent ones are left to the clock."""

        async def only_the_silent() -> bool:
            return await self._under_way(watch) <= self.fleet.silent

        await self.scene.until(only_the_silent, "all but the silent ones to end", PATIENCE)
        self.clock.speed = HURRY
        await self.scene.phase(watch.name, *COMPLETED, seconds=PATIENCE)
        self.clock.speed = 1
        if watch is self.main:
            await self.scene.at_rest()
        await self.agree()
        return await watch.by_view()

    async def _under_way(self, watch: Watch) -> set[str]:
        rows = await self.scene.journal(
            "SELECT cluster FROM members JOIN rollouts ON rollouts.uid = members.rollout"
            " WHERE name = $1 AND members.state <> 'finished'",
            watch.name,
        )
        return {row["cluster"] for row in rows}

    def freeze(self, frozen: bool) -> None:
        for name in self.fleet.frozen:
            self.scene.freeze(name, frozen)

    async def pauses(self, number: int) -> None:
        """Pause in the middle of the step."""

        async def some() -> bool:
            rows = await self.scene.journal(
                "SELECT count(*) FROM members WHERE step = $1 AND outcome = 'succeeded'", number - 1
            )
            return int(rows[0]["count"]) >= SLOTS // 4

        await self.scene.until(some, "some clusters to succeed", PATIENCE)
        await self.main.ibgu("pause", NAME, "--why", "a look in the middle of the night")
        await self.scene.phase(NAME, "Held", seconds=PATIENCE)


@asynccontextmanager
async def evening(scene: Scene, surfaces: Surfaces) -> AsyncIterator[Night]:
    """A fleet with all its faults, a controller, and a payload."""
    fleet = Fleet(scene.label)
    await scene.kubectl(
        *("create", "configmap", scene.label, "-n", "openshift-adp", "--from-literal=a=b")
    )
    await scene.fleet(count=CLUSTERS, faults=fleet.faults)
    for label, names in (
        (LABEL, fleet.canaries),
        ("second=taken", fleet.taken),
    ):
        await scene.kubectl("label", "managedcluster", *names, label)
    clock = ScaledTime(1)
    await scene.start(clock=clock, **BUSY_MACHINE)
    yield Night(scene, surfaces, fleet, clock)


def _of(scene: Scene, name: str, *plan: Object, **labels: str) -> Object:
    oadp = [{"name": scene.label, "namespace": "openshift-adp"}]
    made = ibgu(name, *plan, fleet=scene.label, annotations=CIRCUIT_BREAKER_OFF, oadpContent=oadp)
    made["spec"]["clusterLabelSelectors"] = [{"matchLabels": {"fleet": scene.label, **labels}}]
    return made


@pytest.mark.timeout(7200)
async def test_every_fault_of_the_simulator_is_shown_alike_everywhere(
    scene: Scene, surfaces: Surfaces
) -> None:
    async with evening(scene, surfaces) as night, AsyncExitStack() as stack:
        night.freeze(True)
        first = _of(scene, NAME, step("Prep", most=SLOTS, timeout=MINUTES))
        watch = await night.begins(stack, NAME, first)
        await night.pauses(1)
        plan = step("Abort", most=SLOTS, timeout=MINUTES)
        second = await night.begins(stack, "taker", _of(scene, "taker", plan, second="taken"))

        async def cancelled() -> bool:
            rows = await scene.journal("SELECT cluster FROM members WHERE outcome = 'cancelled'")
            return bool(rows)

        await scene.until(cancelled, "the first cluster to be taken over", PATIENCE)
        night.freeze(False)
        await night.ended(second)
        await watch.ibgu("resume", NAME)
        end = await night.ended(watch)
    assert (end["total"], end["phase"]) == (CLUSTERS, "CompletedWithFailures")
    assert end["cancelled"]
    for each in night.watches.values():
        await each.was_true()

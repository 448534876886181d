"""Evaluates the steps of an engine in memory, as the controller does beside its loop."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from random import Random

from msgspec.structs import replace

from ibgu.controller.lookups.payloads import Payloads
from ibgu.controller.lookups.preflights import Preflights
from ibgu.controller.lookups.step_inspections import StepInspections
from ibgu.controller.mirror.mirror import Mirror
from ibgu.controller.quarantine import Quarantine
from ibgu.core.drivers import DRIVERS
from ibgu.core.drivers.ibu.actions import Action, Stage
from ibgu.core.drivers.ibu.preflight.facts import TOPOLOGY_CLAIM, VERSION_CLAIM
from ibgu.core.engine.gates.policies import HoldingPolicies
from ibgu.core.model import ClusterView, Kind, ReasonKind
from ibgu.core.model.kinds import ObjectMeta, RolloutObject
from ibgu.core.model.preflight import PreflightRecord
from ibgu.core.model.shown import HubObject
from ibgu.sim.hub import MemoryClient, MemoryHub
from tests.core.engine.decide.fleet import START, InMemoryEngine, ibgu

UID = "uid-a"
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)


def nothing(*_: str) -> None:
    """Nobody has to be notified."""


class Controller:
    """Controller evaluates the steps of an engine in memory, which takes each evaluation at
    once."""

    def __init__(
        self,
        *clusters: str,
        inspections: StepInspections | None = None,
        engine: InMemoryEngine | None = None,
    ) -> None:
        self.engine = engine or InMemoryEngine(*clusters)
        self.mirror = Mirror(nothing)
        self.now = START
        self.version = 1
        self.claims: dict[str, dict[str, str]] = {}
        self.payloads = Payloads(
            DRIVERS, MemoryClient(MemoryHub(now=lambda: 0.0), "ibgu"), "ns:name"
        )
        self.preflights = Preflights(
            self.engine.fleet,
            DRIVERS,
            self.mirror,
            self.payloads,
            Quarantine(Random(0)),
            lambda: self.now,
            self._take,
            inspections,
            holding=lambda rollout: self._holding(rollout.namespace),
        )

    def _holding(self, namespace: str) -> HoldingPolicies:
        policies = self.engine.rollout_policies
        return self.engine.policy_gates.of(policies, namespace, {})

    def _take(self, uid: str) -> None:
        self.engine.preflight = self.preflights.result(self.engine.tracked(uid))
        self.engine.touch(uid)
        self.engine.settle()

    async def begin_upgrade(self, mode: str = "enforce") -> None:
        """Opens a step that upgrades the clusters, which Prep has prepared before."""
        for name, spoke in self.engine.spokes.items():
            spoke.to(Stage.PREP)
            self.engine.labels[name] = {Action.PREP.completed_label: ""}
        await self.begin("Upgrade", mode=mode)

    async def begin(self, *plan: str, mode: str = "enforce") -> None:
        """Opens the first step, whose clusters wait for preflight if it is enforced."""
        await self.put(ibgu("a", *plan, concurrency=len(self.engine.spokes)), mode)

    async def put(self, obj: RolloutObject, mode: str) -> None:
        self.engine.apply(obj)
        await self.change(mode)
        await self.payloads.read(self.engine.tracked(UID).rollout)

    async def change(self, mode: str) -> None:
        self.engine.annotate(UID, preflight=mode)
        self.engine.settle()
        self.show()

    def claim(self, cluster: str, topology: str) -> None:
        self.claims[cluster] = {TOPOLOGY_CLAIM: topology}
        self.show()

    def claim_release(self, cluster: str, release: str) -> None:
        self.claims[cluster] = {VERSION_CLAIM: release}
        self.show()

    def show(self) -> None:
        """Shows the hub as it is now in the mirror."""
        self.version += 1
        version = str(self.version)
        for obj in self.engine.ibgus.values():
            meta = replace(obj.metadata, resource_version=version)
            self.mirror.ibgus.upsert(replace(obj, metadata=meta))
        for name in self.engine.spokes:
            view = self.engine.cluster(name)
            assert view is not None
            meta_ = ObjectMeta(name=name, uid=view.uid, resource_version=version)
            shown = replace(view, claims=self.claims.get(name, {}))
            self.mirror.clusters.upsert(HubObject[ClusterView](meta_, shown))

    @property
    def record(self) -> PreflightRecord | None:
        return self.engine.tracked(UID).steps[0].step.preflight

    @property
    def evaluations(self) -> list[str]:
        return self.engine.told(Kind.PREFLIGHT)

    @property
    def hold(self) -> ReasonKind | None:
        hold = self.engine.tracked(UID).steps[0].step.hold
        return hold.kind if hold is not None else None

    async def until(self, holds: Callable[[], bool], later: timedelta = MINUTE) -> None:
        async with self.checking(later):
            for _ in range(1000):
                if holds():
                    return
                await asyncio.sleep(0.01)
        raise AssertionError(self.evaluations)

    async def many_checks(self) -> None:
        async with self.checking():
            await asyncio.sleep(0.2)

    @asynccontextmanager
    async def checking(self, later: timedelta = MINUTE) -> AsyncIterator[None]:
        """Checks all steps again and again, `later` than before."""
        self.now += later
        task = asyncio.create_task(self.preflights.run(every=0.01))
        try:
            yield
        finally:
            task.cancel()
            await asyncio.wait([task])

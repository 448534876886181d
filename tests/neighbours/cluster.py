"""A managed cluster with a real API server and a real work agent."""

import asyncio
from collections.abc import Callable

from ibgu.core.model.kinds import JsonObject
from ibgu.hub.client import HubClient
from ibgu.sim.attempts import AttemptDraws
from ibgu.sim.cluster import SimulatedCluster
from ibgu.sim.cluster_version import VersionOperator
from ibgu.sim.faults import Fault
from ibgu.sim.spec import FleetSpec
from ibgu.sim.spoke import IBU, Equipment
from ibgu.sim.wire import FullWork, Patch
from tests.neighbours import openshift
from tests.neighbours.klusterlet import TO_WORK
from tests.neighbours.server import IBUS, ROLES, ManagedClusterServer
from tests.neighbours.spoke import RealSpoke
from tests.neighbours.watch import watch

VERSIONS = openshift.COLLECTIONS[0]


class RealCluster(SimulatedCluster):
    """RealCluster plays the Lifecycle Agent, the node and OCM's registration; works are the real
    agent's, which dies and starts with the node."""

    def __init__(
        self,
        server: ManagedClusterServer,
        name: str,
        spec: FleetSpec,
        faults: tuple[Fault, ...],
        now: float,
    ) -> None:
        self.server = server
        self._shows_equipment = False
        super().__init__(name, spec, faults, now)

    def _new_spoke(self, course: AttemptDraws) -> RealSpoke:
        self._real = RealSpoke(self.server, course.random("spoke"))
        return self._real

    def _new_operator(
        self, spec: FleetSpec, course: AttemptDraws, now: float
    ) -> VersionOperator | None:
        if spec.updates is not None:
            self.server.serve_openshift()
        return super()._new_operator(spec, course, now)

    @property
    def confirmations(self) -> int:
        """Returns how often someone has said that it was cleaned up by hand."""
        return self._real.confirmations

    # -- the hub's side: the real agent hears of works by itself -----------------------------------

    def observe(self, work: FullWork, now: float, *, answer: bool = False) -> None:
        return

    def advance(self, now: float) -> list[Patch]:
        patches = super().advance(now)
        self.server.agent.run(self.connected)
        return patches

    # -- faults from outside ---------------------------------------------------------------------

    def _changed(self, fault: str, holds: bool, now: float) -> None:
        match fault:
            case "agent-without-rbac":
                self.server.count_labels(not holds)
            case "namespace-missing":
                self.server.serve_namespace("openshift-adp", not holds)
            case "finalizer-stuck":
                raise NotImplementedError("the real agent keeps no finalizer by itself")
            case _:
                super()._changed(fault, holds, now)

    def _set_installed(self, fault: str, missing: bool, now: float) -> None:
        if fault == "crd-missing" and not missing:
            self.server.serve_ibu(True)
        super()._set_installed(fault, missing, now)
        if fault == "crd-missing" and missing:
            self.server.serve_ibu(False)

    def freeze(self, frozen: bool, now: float) -> None:
        """Pauses the whole agent, which can't be made to apply without reading."""
        self.server.agent.pause(frozen)

    # -- equipment -------------------------------------------------------------------------------

    def show_equipment(self) -> None:
        """Gives the API server the objects that show the equipment, from now on."""
        self._shows_equipment = True
        self.server.equipment.show(self.spoke.equipment_objects())

    def change_equipment(self, equipment: Equipment, now: float) -> None:
        before, after = (each.serves(IBU) for each in (self.spoke.equipment, equipment))
        if after and not before:
            self.server.serve_ibu(True)
        super().change_equipment(equipment, now)
        if before and not after:
            self.server.serve_ibu(False)
        if self._shows_equipment:
            self.show_equipment()

    # -- watches ---------------------------------------------------------------------------------

    async def follow(self, touch: Callable[[SimulatedCluster], None]) -> None:
        """Follows what others write on the cluster, until it is cancelled."""

        def ibu(kind: str, obj: JsonObject) -> None:
            if self._real.observe(kind, obj):
                touch(self)

        def role(kind: str, obj: JsonObject) -> None:
            if TO_WORK in (obj["metadata"].get("labels") or {}):
                self.server.aggregate()

        def version(kind: str, obj: JsonObject) -> None:
            self.spoke.version += 1
            touch(self)

        hub = self.server.hub
        token, ca = hub.token("admin"), str(hub.ca_file)
        async with (
            await HubClient.with_token(hub.url, token, ca) as client,
            asyncio.TaskGroup() as group,
        ):
            group.create_task(watch(client, IBUS, ibu))
            group.create_task(watch(client, ROLES, role))
            if self.operator is not None:
                group.create_task(watch(client, VERSIONS, version))
                group.create_task(watch(client, openshift.PINS, version))

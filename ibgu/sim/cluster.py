"""Simulates one cluster: its API server, Lifecycle Agent, work agent and registration."""

from typing import Protocol

from msgspec import structs

from ibgu.core.model.kinds import JsonObject
from ibgu.sim.agent import WorkAgent
from ibgu.sim.attempts import AttemptDraws, StageAttempt
from ibgu.sim.clock import NEVER
from ibgu.sim.cluster_version import Updates, VersionOperator
from ibgu.sim.external_faults import ExternalFaults
from ibgu.sim.faults import CHANGES, UNFINISHED, UPDATE_FAULTS, Fault, FaultPoint
from ibgu.sim.lca.machine import Lca
from ibgu.sim.lca.unfinished import leave_unfinished
from ibgu.sim.registration import Registration
from ibgu.sim.spec import FleetSpec
from ibgu.sim.spoke import IBU, Equipment, Spoke, key_of
from ibgu.sim.timeline import StageTimeline
from ibgu.sim.wire import FullWork, Patch

_HAND_AFTER = 0.3


class StageAgent(Protocol):
    """StageAgent owns the object that an action changes, and carries out what it asks for."""

    attempt: StageAttempt
    """The attempt of the stage that began last."""

    @property
    def version(self) -> str: ...

    @property
    def next_at(self) -> float: ...

    def install(self, now: float) -> None: ...

    def uninstall(self, now: float) -> None: ...

    def notice(self, now: float) -> None: ...

    def advance(self, now: float) -> None: ...


class SimulatedCluster:
    """SimulatedCluster is pure: the hub's works come in, patches for the hub go out, `now` is
    passed in.

    `now` is in seconds since the epoch and never goes back. `next_at` is when `advance` has
    something to do by itself; after any call that brings news it may have something at once.
    """

    def __init__(self, name: str, spec: FleetSpec, faults: tuple[Fault, ...], now: float) -> None:
        course = AttemptDraws(name, spec.seed, spec.durations, spec.scale, faults)
        self.name = name
        self.timeline = StageTimeline()
        self.spoke = self._new_spoke(course)
        equipment = _equipment(spec, spec.updates_of(name, faults))
        self.spoke.equip(name, equipment, now)
        self.lca = self._new_agent(course, spec.version)
        self.agent = WorkAgent(name, self.spoke, spec.timing(), course.random("agent"))
        rng = course.random("registration")
        self.registration = Registration(name, spec.scale, rng, now)
        self.faults = faults
        self._course = course
        self._outside = ExternalFaults(course.outside(), spec.scale, self._changed)
        self._runs = 0
        self._hand_at = NEVER
        self._cut = 0
        self._sound = equipment
        self._unserved = True
        self._linked = True
        self._boots = 0
        self._operated = 0
        self._lived = -1
        self._version = spec.version
        self.operator = self._new_operator(spec, course, now)
        self._start_faults(spec, now)

    def _new_spoke(self, course: AttemptDraws) -> Spoke:
        return Spoke(course.random("spoke"))

    def _new_agent(self, course: AttemptDraws, version: str) -> StageAgent:
        return Lca(self.spoke, course, self.timeline, version)

    def _new_operator(
        self, spec: FleetSpec, course: AttemptDraws, now: float
    ) -> VersionOperator | None:
        updates = spec.updates_of(self.name, course.faults)
        if updates is None:
            return None
        rng = course.random("cluster-version")
        operator = VersionOperator(
            *(self.spoke, rng, updates, spec.scale, spec.version, self._restart)
        )
        operator.install(now)
        return operator

    def _restart(self, dark: bool) -> None:
        """Cuts the cluster off while its only node restarts, or brings it back."""
        if dark:
            self.go_dark()
        else:
            self.come_back()

    def _start_faults(self, spec: FleetSpec, now: float) -> None:
        for text in spec.delivered:
            kind, namespace, name = text.split("/")
            meta = {"name": name, "namespace": namespace}
            body = {"apiVersion": "v1", "kind": kind, "metadata": meta}
            if kind == "Secret":
                body["data"] = {".dockerconfigjson": "e30="}
            self.spoke.create(body, now)
        self.change_equipment(self._sound, now)
        self._outside.open_initial(now)

    # -- the hub's side --------------------------------------------------------------------------

    def observe(self, work: FullWork, now: float, *, answer: bool = False) -> None:
        self.agent.observe(work, now, answer=answer)

    def forget(self, name: str, uid: str) -> None:
        self.agent.forget(name, uid)

    @property
    def connected(self) -> bool:
        """Whether the cluster reaches the hub."""
        return self.spoke.connected and self._cut == 0

    # -- time ------------------------------------------------------------------------------------

    @property
    def next_at(self) -> float:
        agent = self.agent.next_at if self.connected else NEVER
        link = 0.0 if self.connected != self._linked else NEVER
        operator = self.operator.next_at if self.operator is not None else NEVER
        inside = min(self.lca.next_at, operator, self._outside.next_at, self._hand_at)
        return min(inside, agent, link, self.registration.next_at)

    def advance(self, now: float) -> list[Patch]:
        """Does everything that is due; returns the resulting patches for the hub."""
        self._outside.advance(now)
        self._live(now)
        self._relink(now)
        patches = self.agent.advance(now) if self.connected else []
        self._live(now)
        return [*patches, *self.registration.advance(now, self._reported_version)]

    def _live(self, now: float) -> None:
        """Advances the cluster itself: nothing if nothing has changed and nothing is due, as in
        most turns of a fleet."""
        operator = self.operator.next_at if self.operator is not None else NEVER
        due = min(self.lca.next_at, operator, self._hand_at) <= now
        if not due and self._lived == self.spoke.version:
            return
        self.lca.notice(now)
        self.lca.advance(now)
        if self.operator is not None:
            if self._operated != self.spoke.boots:
                self._operated = self.spoke.boots
                self.operator.boot(self.lca.version, now)
            self.operator.notice(now)
            self.operator.advance(now)
        self._stages(now)
        if self._hand_at <= now:
            self._hand_at = NEVER
            self._interfere(now)
        self.agent.notice(now)
        self._lived = -1 if due else self.spoke.version

    def _stages(self, now: float) -> None:
        """Starts faults that wait for a stage."""
        for run in self.timeline.runs[self._runs :]:
            self._outside.stage_began(run.stage, now)
            stage = "Idle" if run.stage in ("Abort", "Finalize") else run.stage
            if any(f.where is FaultPoint.HAND and f.stage == stage for f in self._course.faults):
                self._hand_at = now + _HAND_AFTER * self._first_phase(run.stage)
        self._runs = len(self.timeline.runs)

    def _first_phase(self, stage: str) -> float:
        first = {"Prep": "stateroot", "Upgrade": "export", "Rollback": "rollback-start"}
        return self.lca.attempt.durations.get(first.get(stage, ""), 1.0)

    def _relink(self, now: float) -> None:
        if self.connected != self._linked:
            self._linked = self.connected
            self.timeline.link(self._linked, now)
            self.registration.link(self._linked, now)
        elif self.spoke.boots == self._boots:
            return
        if self._linked:
            self._boots = self.spoke.boots
            self.agent.restart(now)

    @property
    def _reported_version(self) -> str:
        """Returns the version that the hub sees: a new one only when the cluster is back."""
        if self.connected:
            self._version = (self.operator or self.lca).version
        return self._version

    # -- faults from outside ---------------------------------------------------------------------

    def _changed(self, fault: str, holds: bool, now: float) -> None:
        match fault:
            case "offline":
                self._cut += 1 if holds else -1
            case "flapping-lease":
                self.registration.flapping = holds
            case "frozen-feedback":
                self.freeze(holds, now)
            case "agent-without-rbac":
                self.spoke.rights.broken = holds
                self.spoke.version += 1
            case "finalizer-stuck":
                self.stick(holds, now)
            case "namespace-missing":
                self.spoke.missing_namespaces = {"openshift-adp"} if holds else set()
            case "ibu-missing" | "crd-missing":
                self._set_installed(fault, holds, now)
            case _ if fault in UPDATE_FAULTS:
                if self.operator is not None:
                    self.operator.trouble(fault, holds, now)
            case _:
                self._set_defect(fault, holds, now)

    def _set_defect(self, defect: str, holds: bool, now: float) -> None:
        """Gives the cluster a defect, or mends it: what it changes is as the fleet has it."""
        if defect == UNFINISHED:
            if holds:
                leave_unfinished(self.spoke, self.lca.version, now)
            return
        changes = CHANGES[defect]
        if not holds:
            changes = {field: getattr(self._sound, field) for field in changes}
        self.change_equipment(structs.replace(self.spoke.equipment, **changes), now)

    def change_equipment(self, equipment: Equipment, now: float) -> None:
        """Changes what is installed on the cluster, and what its node is like."""
        self.spoke.change_equipment(equipment)
        self.registration.topology = equipment.topology
        served = self.spoke.serves(IBU)
        if not served:
            self.lca.uninstall(now)
        elif self._unserved:
            self.lca.install(now)
        self._unserved = not served

    def _set_installed(self, fault: str, missing: bool, now: float) -> None:
        if fault == "crd-missing":
            self.spoke.missing_kinds = {IBU.kind} if missing else set()
        if missing:
            self.lca.uninstall(now)
        elif self.spoke.ibu is None and self.spoke.serves(IBU):
            self.lca.install(now)

    def _interfere(self, now: float) -> None:
        """Takes the cluster back to Idle by hand, where the API server allows it."""
        ibu = self.spoke.ibu
        status = (ibu or {}).get("status") or {}
        if "Idle" in status.get("validNextStages", []):
            self.set_stage("Idle", now)

    # -- by hand ---------------------------------------------------------------------------------

    def set_stage(self, stage: str, now: float) -> None:
        """Edits the IBU on the cluster by hand. Raises Refusal as the API server does."""
        self.edit_ibu(now, stage=stage)

    def edit_ibu(
        self, now: float, *, stage: str | None = None, annotations: JsonObject | None = None
    ) -> None:
        """Edits the IBU by hand; None as its value removes an annotation. Raises Refusal, KeyError
        if there is no IBU."""
        ibu: JsonObject = self.spoke.objects[IBU]
        meta = dict(ibu["metadata"])
        marks = {**(meta.get("annotations") or {}), **(annotations or {})}
        meta["annotations"] = {name: mark for name, mark in marks.items() if mark is not None}
        spec = dict(ibu.get("spec") or {})
        if stage is not None:
            spec["stage"] = stage
        self.spoke.update(IBU, {**ibu, "metadata": meta, "spec": spec}, now)

    def delete(self, manifest: JsonObject, now: float) -> None:
        """Deletes an object on the cluster by hand, named as a manifest names it."""
        self.spoke.delete(key_of(manifest), now)

    def delete_ibu(self, now: float) -> None:
        self.spoke.delete(IBU, now)

    def go_dark(self) -> None:
        """Breaks the link to the hub; calls nest."""
        self._cut += 1

    def come_back(self) -> None:
        self._cut = max(self._cut - 1, 0)

    def freeze(self, frozen: bool, now: float) -> None:
        """Stops (or resumes) the work agent's reads; it goes on applying."""
        if frozen:
            self.agent.frozen = True
        else:
            self.agent.thaw(now)

    def stick(self, stuck: bool, now: float) -> None:
        """Makes the work agent keep its finalizer on deleted works (or release it)."""
        if stuck:
            self.agent.finalizer_stuck = True
        else:
            self.agent.release_finalizers(now)


def _equipment(spec: FleetSpec, updates: Updates | None) -> Equipment:
    if updates is None or not updates.workers:
        return spec.equipment
    return structs.replace(spec.equipment, topology="HighlyAvailable")

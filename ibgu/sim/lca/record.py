"""Keeps the one ImageBasedUpgrade of a cluster, as the Lifecycle Agent reads and writes it."""

from ibgu.core.model.kinds import JsonObject
from ibgu.sim.clock import timestamp
from ibgu.sim.lca import history
from ibgu.sim.lca.beats import Set
from ibgu.sim.lca.conditions import Conditions, set_condition, without
from ibgu.sim.lca.stages import valid_next_stages
from ibgu.sim.spoke import IBU, Spoke

TRIGGER = "lca.openshift.io/trigger-reconcile"
WARNING = "extra-manifest.lca.openshift.io/validation-warning"


class Record:
    """Record holds the IBU; `last` is the copy that the agent keeps on disk, which survives
    deletion and reboots. Everything but `present` and `last` needs the IBU to exist."""

    def __init__(self, spoke: Spoke) -> None:
        self.spoke = spoke
        self.after_pivot = False
        self.last: JsonObject | None = None

    # -- reading ---------------------------------------------------------------------------------

    @property
    def present(self) -> bool:
        return self.spoke.ibu is not None

    @property
    def ibu(self) -> JsonObject:
        return self.spoke.objects[IBU]

    @property
    def spec(self) -> JsonObject:
        return self.ibu.get("spec") or {}

    @property
    def stage(self) -> str:
        return str(self.spec.get("stage") or "Idle")

    @property
    def status(self) -> JsonObject:
        return self.ibu.get("status") or {}

    @property
    def conditions(self) -> Conditions:
        return self.status.get("conditions") or []

    @property
    def annotations(self) -> dict[str, str]:
        return self.ibu["metadata"].get("annotations") or {}

    @property
    def mark(self) -> tuple[object, ...]:
        """Returns what makes the agent reconcile when it changes."""
        meta = self.ibu["metadata"]
        return (meta["uid"], meta["generation"], self.annotations.get(TRIGGER))

    # -- writing ---------------------------------------------------------------------------------

    def write(self, status: JsonObject, now: float) -> None:
        """Updates derived fields and writes the status if it differs."""
        generation, stage = self.ibu["metadata"]["generation"], self.stage
        conditions = [
            {**c, "observedGeneration": generation} if c["type"].startswith(stage) else c
            for c in status.get("conditions") or []
        ]
        new = {**status, "observedGeneration": generation, "conditions": conditions}
        new.pop("validNextStages", None)
        if stages := valid_next_stages(conditions, stage, self.after_pivot):
            new["validNextStages"] = stages
        self.spoke.write_status(IBU, new, now)
        self.last = self.ibu

    def set(self, condition: Set, message: str, now: float) -> None:
        conditions = set_condition(
            self.conditions,
            condition.type,
            condition.status,
            condition.reason,
            message,
            generation=int(self.ibu["metadata"]["generation"]),
            now=now,
        )
        self.write({**self.status, "conditions": conditions}, now)

    def remove(self, kind: str, now: float) -> None:
        self.write({**self.status, "conditions": without(self.conditions, kind)}, now)

    def drop_refusals(self, now: float) -> None:
        kept = [c for c in self.conditions if c["reason"] != "InvalidTransition"]
        self.write({**self.status, "conditions": kept}, now)

    def enter(self, stage: str, now: float) -> None:
        entered = history.entered(self.status.get("history") or [], stage, now)
        self.write({**self.status, "history": entered}, now)

    def phase(self, name: str, now: float) -> None:
        phases = history.in_phase(self.status.get("history") or [], name, now)
        self.write({**self.status, "history": phases}, now)

    def succeeded(self, now: float) -> None:
        if stages := self.status.get("history"):
            self.write({**self.status, "history": history.closed(stages, now)}, now)

    def forget(self, field: str, now: float) -> None:
        self.write({k: v for k, v in self.status.items() if k != field}, now)

    def expires(self, at: float, now: float) -> None:
        self.write({**self.status, "rollbackAvailabilityExpiration": timestamp(at)}, now)

    def clean(self, now: float) -> None:
        """Resets to Idle, with everything of the upgrade gone."""
        if WARNING in self.annotations:
            self.annotate({k: v for k, v in self.annotations.items() if k != WARNING}, now)
        self.after_pivot = False
        self.write({}, now)
        self.set(Set("Idle", "True", "Idle", "Idle"), "Idle", now)

    def annotate(self, annotations: dict[str, str], now: float) -> None:
        meta = {**self.ibu["metadata"], "annotations": annotations}
        self.spoke.update(IBU, {**self.ibu, "metadata": meta}, now)

    def restore(self, now: float) -> None:
        """Puts the kept copy back, as a new object."""
        if self.last is not None:
            self.spoke.restore(self.last, now)
            self.write(self.status, now)

    def create(self, now: float) -> None:
        fresh = {
            "apiVersion": "lca.openshift.io/v1",
            "kind": "ImageBasedUpgrade",
            "metadata": {"name": "upgrade"},
            "spec": {"stage": "Idle", "seedImageRef": {}},
        }
        self.spoke.create(fresh, now)
        self.after_pivot = False

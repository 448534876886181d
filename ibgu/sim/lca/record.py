"""Keeps the one ImageBasedUpgrade of a cluster, as the Lifecycle Agent reads and writes it."""

from collections.abc import Iterator
from contextlib import contextmanager

from ibgu.core.model.kinds import JsonObject
from ibgu.sim.clock import timestamp
from ibgu.sim.lca.conditions import Conditions, set_condition, without
from ibgu.sim.lca.script_steps import SetCondition
from ibgu.sim.lca.stages import valid_next_stages
from ibgu.sim.spoke import IBU, Spoke

TRIGGER = "lca.openshift.io/trigger-reconcile"
CLEANUP_DONE = "lca.openshift.io/manual-cleanup-done"
WARNING = "extra-manifest.lca.openshift.io/validation-warning"


class Record:
    """Record holds the IBU; `last` is the copy that the agent keeps on disk, which survives
    deletion and reboots. Everything but `present` and `last` needs the IBU to exist."""

    def __init__(self, spoke: Spoke) -> None:
        self.spoke = spoke
        self.after_pivot = False
        self.last: JsonObject | None = None
        self._together = False
        self._draft: JsonObject | None = None
        """A status that has not been written yet."""

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
        written: JsonObject = self.ibu.get("status") or {}
        return written if self._draft is None else self._draft

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
        cleaned = CLEANUP_DONE in self.annotations
        return (meta["uid"], meta["generation"], self.annotations.get(TRIGGER), cleaned)

    # -- writing ---------------------------------------------------------------------------------

    @contextmanager
    def one_update(self, now: float) -> Iterator[None]:
        """Changes of the status within it are one update at its end, as a reconcile's are."""
        self._together = True
        try:
            yield
            self.flush(now)
        finally:
            self._together, self._draft = False, None

    def flush(self, now: float) -> None:
        """Writes the status as it is by now, before something else changes the object."""
        if self._draft is not None:
            draft, self._draft = self._draft, None
            self.spoke.write_status(IBU, draft, now)
            self.last = self.ibu

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
        self._draft = new
        if not self._together:
            self.flush(now)

    def set(self, condition: SetCondition, message: str, now: float) -> None:
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
        entered = _entered(self.status.get("history") or [], stage, now)
        self.write({**self.status, "history": entered}, now)

    def phase(self, name: str, now: float) -> None:
        phases = _in_phase(self.status.get("history") or [], name, now)
        self.write({**self.status, "history": phases}, now)

    def succeeded(self, now: float) -> None:
        if stages := self.status.get("history"):
            self.write({**self.status, "history": _closed(stages, now)}, now)

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
        self.set(SetCondition("Idle", "True", "Idle", "Idle"), "Idle", now)

    def warn(self, message: str, now: float) -> None:
        self.annotate({**self.annotations, WARNING: message}, now)

    def annotate(self, annotations: dict[str, str], now: float) -> None:
        self.flush(now)
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


def _entered(history: list[JsonObject], stage: str, now: float) -> list[JsonObject]:
    return [*history, {"stage": stage, "startTime": timestamp(now)}]


def _in_phase(history: list[JsonObject], phase: str, now: float) -> list[JsonObject]:
    """Closes the open phase of the last stage; opens `phase` unless it is empty."""
    if not history:
        return history
    *before, stage = history
    phases = list(stage.get("phases") or [])
    if phases and "completionTime" not in phases[-1]:
        phases[-1] = {**phases[-1], "completionTime": timestamp(now)}
    if phase:
        phases.append({"phase": phase, "startTime": timestamp(now)})
    return [*before, {**stage, "phases": phases}]


def _closed(history: list[JsonObject], now: float) -> list[JsonObject]:
    """Closes the last stage, which has succeeded."""
    *before, stage = history
    return [*before, {**stage, "completionTime": timestamp(now)}]

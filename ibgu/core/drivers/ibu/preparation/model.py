"""A preparation: what is read on a cluster, and what is written there once that is known."""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Protocol

from msgspec import Struct

from ibgu.core.drivers.ibu import names
from ibgu.core.drivers.ibu.preflight.inspection import Reading
from ibgu.core.drivers.ibu.preflight.inspection.objects import InspectedObject
from ibgu.core.model.kinds import JsonObject
from ibgu.core.model.names import MANAGED_BY

MANAGER = "ibgu-prepare"
"""The value of `MANAGED_BY` on the works and on the objects that they create. Works of rollouts
have another one, so the engine never sees these."""
FIELD_MANAGER = "work-agent-ibgu-prepare"
"""Open Cluster Management requires the prefix."""
OWNER = "owner"
"""The value that tells the owner of an object that was read."""
OWNER_PATH = r".metadata.labels.app\.kubernetes\.io/managed-by"

Readings = Mapping[InspectedObject, Reading]


class PreparationKind(StrEnum):
    OPERATORS = "operators"
    DPA = "dpa"
    CLEANUP = "cleanup"
    AUTO_ROLLBACK = "auto-rollback"


class WrittenObject(Struct, frozen=True):
    """WrittenObject is a manifest to apply, by server-side apply with a field manager of its own.
    `force`: whether fields that another manager has set are taken over."""

    target: InspectedObject
    manifest: JsonObject
    force: bool = False


class Preparation(Protocol):
    """Preparation is pure: the caller carries the manifests to one cluster, and the readings
    back."""

    @property
    def kind(self) -> PreparationKind: ...

    @property
    def reads(self) -> Sequence[InspectedObject]:
        """The objects to read before anything is written, and afterwards."""
        ...

    @property
    def rules(self) -> Sequence[JsonObject]:
        """The RBAC rules that the work agent needs beyond its own."""
        ...

    def summary(self) -> str:
        """Returns what the cluster gets, in words, without anything secret."""
        ...

    def objection(self, readings: Readings) -> str:
        """Returns why the cluster is left alone; empty: it is not."""
        ...

    def writes(self, readings: Readings) -> Sequence[Sequence[WrittenObject]]:
        """Returns what to apply, one after the other; empty: the cluster has it already."""
        ...

    def state(self, readings: Readings) -> str:
        """Returns what the cluster has, in words."""
        ...

    def files(self) -> Sequence[JsonObject]:
        """Returns the objects as manifests for Git, without Secrets."""
        ...


IBU = InspectedObject(
    names.GROUP,
    "v1",
    names.KIND,
    names.RESOURCE,
    names.NAME,
    paths={"stage": ".spec.stage", "idle": '.status.conditions[?(@.type=="Idle")].status'},
)


def rule(each: InspectedObject, *verbs: str) -> JsonObject:
    """Returns the RBAC rule for one object by its name."""
    return {
        "apiGroups": [each.group],
        "resources": [each.resource],
        "resourceNames": [each.name],
        "verbs": list(verbs),
    }


def manifest(each: InspectedObject, **content: object) -> JsonObject:
    """Returns the manifest of a namespaced object with ibgu's label, which says that it may change
    it later."""
    labels = {MANAGED_BY: MANAGER}
    metadata = {"name": each.name, "namespace": each.namespace, "labels": labels}
    return {"apiVersion": each.api_version, "kind": each.kind, "metadata": metadata, **content}


def for_git(found: JsonObject) -> JsonObject:
    """Returns the manifest without ibgu's label: what a policy creates is the policy's."""
    kept = {name: each for name, each in found["metadata"].items() if name != "labels"}
    return {**found, "metadata": kept}


def foreign(reading: Reading) -> bool:
    """Returns whether the object is there and somebody else's: a policy's, or a person's."""
    return reading.found and reading.string(OWNER) != MANAGER


def busy(readings: Readings) -> str:
    """Returns why a cluster in the middle of an upgrade is left alone; empty if it is idle."""
    reading = readings[IBU]
    if not reading.found or reading.string("idle") == "True":
        return ""
    stage = reading.string("stage") or "unknown"
    return f"an upgrade is under way: the ImageBasedUpgrade is in stage {stage}, not idle"

"""Decides what a managed cluster's API server accepts as an ImageBasedUpgrade.

The six CEL rules are transition rules: they judge the new spec by the old status.
"""

from collections.abc import Iterable
from typing import Any

from ibgu.core.model.kinds import JsonObject

STAGES = ("Idle", "Prep", "Upgrade", "Rollback")
GUARDED = ("seedImageRef", "oadpContent", "extraManifests", "autoRollbackOnFailure")

UNCHECKED = (
    "<nil>: Invalid value: null: some validation rules were not checked because the object was "
    "invalid; correct the existing errors to complete validation"
)
"""What the API server says of its CEL rules beside an error of the schema."""
SINGLETON = "ibu is a singleton, metadata.name must be 'upgrade'"
NOT_PERMITTED = (
    "the stage transition is not permitted. Please refer to status.validNextStages for valid "
    "transitions. If status.validNextStages is not present, it indicates that no transitions are "
    "currently allowed"
)


def in_progress(field: str) -> str:
    return f"can not change spec.{field} while ibu is in progress"


def check_schema(ibu: JsonObject) -> list[str]:
    """Returns the errors of the schema and the name rule, on create and on update alike."""
    errors = list(_schema_errors(ibu.get("spec") or {}))
    if errors:
        return [*errors, UNCHECKED]
    return [] if ibu["metadata"].get("name") == "upgrade" else [_cel(SINGLETON)]


def _schema_errors(spec: JsonObject) -> Iterable[str]:
    stage = spec.get("stage")
    if stage is not None and stage not in STAGES:
        supported = ", ".join(f'"{known}"' for known in STAGES)
        yield f'spec.stage: Unsupported value: "{stage}": supported values: {supported}'
    seed = spec.get("seedImageRef")
    if isinstance(seed, dict) and seed.get("image") == "":
        yield (
            'spec.seedImageRef.image: Invalid value: "": '
            "spec.seedImageRef.image in body should be at least 1 chars long"
        )


def admit(old: JsonObject, new: JsonObject) -> list[str]:
    """Returns the errors of the transition rules for an update from `old` to `new`; empty if
    accepted."""
    status = old.get("status")
    if not status:
        return []
    old_spec, new_spec = old.get("spec") or {}, new.get("spec") or {}
    return [_cel(message) for message in _refused(old_spec, new_spec, status)]


def _refused(old: JsonObject, new: JsonObject, status: JsonObject) -> Iterable[str]:
    conditions = status.get("conditions") or []
    idle = any(each["type"] == "Idle" and each["status"] == "True" for each in conditions)
    if not idle and new.get("stage") != "Idle":
        yield from (in_progress(field) for field in GUARDED if _differs(old, new, field))
    if _differs(old, new, "stage") and new.get("stage") not in status.get("validNextStages", []):
        yield NOT_PERMITTED


def _differs(old: JsonObject, new: JsonObject, field: str) -> bool:
    missing: Any = object()
    return bool(old.get(field, missing) != new.get(field, missing)) and (
        field in old or field in new
    )


def _cel(message: str) -> str:
    return f"<nil>: Invalid value: {message}"

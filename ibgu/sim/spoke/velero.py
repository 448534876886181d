"""Keeps the Backups and Restores of a failed upgrade, as Velero leaves them on the cluster."""

import re
from contextlib import suppress

from ibgu.core.model.kinds import JsonObject
from ibgu.sim.spoke.equipment_objects import BSL
from ibgu.sim.spoke.refusal import Refusal
from ibgu.sim.spoke.store import Spoke

_FAILED = re.compile("Failed (backup|restore) CRs: (.+)")
KINDS = ("Backup", "Restore")


def fail(spoke: Spoke, message: str, now: float) -> None:
    """Writes the objects that the message of a failed stage names. A message of an automatic
    rollback names those of the other stateroot."""
    match = _FAILED.fullmatch(message)
    if match is None:
        return
    kind = match[1].capitalize()
    available = spoke.equipment.backup_storage_available
    for name in match[2].split(","):
        # Without OADP the kinds are not served.
        with suppress(Refusal):
            spoke.create(_object(kind, name, _status(kind, available)), now)


def clean(spoke: Spoke, now: float) -> None:
    """Deletes the objects, as the Lifecycle Agent does on its way to Idle."""
    for found in [each for each in spoke.objects if each.group == BSL.group]:
        if found.kind in KINDS:
            spoke.delete(found, now)


def _object(kind: str, name: str, status: JsonObject) -> JsonObject:
    return {
        "apiVersion": f"{BSL.group}/v1",
        "kind": kind,
        "metadata": {"name": name, "namespace": BSL.namespace},
        "spec": {"backupName": name} if kind == "Restore" else {},
        "status": status,
    }


def _status(kind: str, available: bool) -> JsonObject:
    """Returns the status of a run with errors, or of a Backup that has found no storage."""
    if kind == "Backup" and not available:
        reason = f"backup can't be created because BackupStorageLocation {BSL.name} is in "
        return {"phase": "FailedValidation", "validationErrors": [f"{reason}Unavailable status."]}
    return {"phase": "PartiallyFailed", "errors": 2, "warnings": 1}

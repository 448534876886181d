"""The Backups and Restores that an inspection reads of a cluster that has failed."""

import re
from collections.abc import Iterator

from ibgu.core.drivers.ibu.preflight.inspection.objects import (
    NAMESPACE_OF_VELERO,
    PHASE,
    InspectedObject,
)

BACKUP, RESTORE = "Backup", "Restore"
ERRORS = "errors"
WARNINGS = "warnings"
FAILURE_REASON = "failureReason"
FIRST_INVALID = "firstInvalid"
LAST_INVALID = "lastInvalid"

CONCERNS_VELERO = "backup|restore|DataProtectionApplication"
"""Regular expression, without regard to case, for messages of failures that Velero's objects may
explain. The database evaluates it, too."""
MAX_OBJECTS = 10
"""Most Backups, and most Restores, that are read of one cluster."""

_MAX_MESSAGE = 8_192
_KLUSTERLET = "acm-klusterlet"
"""The name that OpenShift's manual gives the Backup and the Restore of each managed cluster."""
_NAME = r"[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?"
_FAILED = re.compile(rf"Failed (backup|restore)(?: CR)?s: ?({_NAME}(?:, ?{_NAME})*)", re.IGNORECASE)
_UNNAMED = re.compile(r"restore failure|(?:Restore|Backup) of Application|Restoring|Backing up")
_PATHS = {
    PHASE: ".status.phase",
    ERRORS: ".status.errors",
    WARNINGS: ".status.warnings",
    FAILURE_REASON: ".status.failureReason",
    # An index that a list does not have is an error of the agent. These are not.
    FIRST_INVALID: ".status.validationErrors[*]",
    LAST_INVALID: ".status.validationErrors[-1:]",
}
_RESOURCES = {BACKUP: "backups", RESTORE: "restores"}


def velero_object(kind: str, name: str) -> InspectedObject:
    """Returns a Backup or Restore of OADP's namespace."""
    resource = _RESOURCES[kind]
    return InspectedObject("velero.io", "v1", kind, resource, name, NAMESPACE_OF_VELERO, _PATHS)


def concerns_velero(failure: str) -> bool:
    """Returns whether Velero's objects may explain the failure."""
    return re.search(CONCERNS_VELERO, failure[:_MAX_MESSAGE], re.IGNORECASE) is not None


def velero_objects(failure: str) -> tuple[InspectedObject, ...]:
    """Returns the Backups and Restores that the message of a failure is about, in its order.

    A Restore has the name of its Backup in OpenShift's manual, so that one is read, too.
    """
    found = list(dict.fromkeys(_named(failure[:_MAX_MESSAGE])))
    per_kind = {kind: [name for each, name in found if each == kind] for kind in (RESTORE, BACKUP)}
    return tuple(
        velero_object(kind, name)
        for kind, names in per_kind.items()
        for name in names[:MAX_OBJECTS]
    )


def _named(failure: str) -> Iterator[tuple[str, str]]:
    matches = [*_FAILED.finditer(failure)]
    for match in matches:
        for name in re.split(", ?", match[2].lower()):
            if match[1].lower() == "restore":
                yield RESTORE, name
            yield BACKUP, name
    if not matches and _UNNAMED.search(failure):
        yield RESTORE, _KLUSTERLET
        yield BACKUP, _KLUSTERLET

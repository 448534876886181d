"""The evidence of a failure: what Velero's objects on the cluster say of it, and the commands with
which a person there sees more."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from msgspec import Struct

from ibgu.core.drivers.ibu import names
from ibgu.core.drivers.ibu.failures.names import Failure
from ibgu.core.drivers.ibu.preflight.inspection import (
    InspectedFacts,
    Reading,
    ReadResult,
    velero,
    velero_objects,
)
from ibgu.core.drivers.ibu.preflight.inspection import objects as inspected
from ibgu.core.drivers.ibu.preflight.inspection.objects import InspectedObject

_AVAILABLE = "Available"
_MAX_PHASE = 64
_MAX_COMMANDS = 6
_VELERO = "oc exec -n openshift-adp deploy/velero -c velero -- ./velero"
_AGENT_LOG = (
    f"oc logs -n {names.NAMESPACE} deploy/lifecycle-agent-controller-manager -c manager --tail=500"
)
_UNREAD = {
    ReadResult.ABSENT: "is not on the cluster",
    ReadResult.NO_KIND: "is of a kind that the cluster does not serve",
    ReadResult.FORBIDDEN: "may not be read by the work agent",
}


class EvidenceObject(Struct, frozen=True, rename="camel"):
    """EvidenceObject is one object of Velero or OADP as the cluster had it."""

    object: str
    phase: str = ""
    """Velero's own word; empty: there is none."""
    errors: int = 0
    warnings: int = 0
    messages: Sequence[str] = ()


class EvidenceCause(Struct, frozen=True, rename="camel"):
    """EvidenceCause is what the objects give as the cause of the failure."""

    failure: Failure
    """The known failure that it belongs to."""
    means: str
    remedy: str


class Evidence(Struct, frozen=True, kw_only=True, rename="camel"):
    """Evidence is what is known of one failure besides its message."""

    read_at: datetime | None = None
    """When the objects were read; None: they were not."""
    problem: str = ""
    """Why there are none."""
    objects: Sequence[EvidenceObject] = ()
    cause: EvidenceCause | None = None
    commands: Sequence[str] = ()
    """Commands with which a person at the cluster sees more."""


_NO_OADP = EvidenceCause(
    Failure.OADP_MISSING,
    "The cluster does not serve DataProtectionApplications: OADP is not installed.",
    "Install OADP on the cluster.",
)
_NO_DPA = EvidenceCause(
    Failure.NOT_ONE_DPA,
    "OADP on the cluster is not configured, so there is no Velero.",
    "Create the DataProtectionApplication on the cluster.",
)
_DPA_FAILED = EvidenceCause(
    Failure.DPA_LOST,
    "The DataProtectionApplication is not reconciled.",
    "Correct what the message of the DataProtectionApplication names, often its Secret.",
)
_NO_STORAGE = EvidenceCause(
    Failure.STALE_BACKUPS,
    "The BackupStorageLocation is not available.",
    "Check that the cluster reaches the bucket, and that credentials and certificate are valid.",
)
_INVALID = EvidenceCause(
    Failure.BACKUP_INVALID,
    "Velero refuses the object as it is.",
    "Correct the object in its ConfigMap on the hub, as its message says.",
)


def evidence(failure: str, facts: InspectedFacts | None, problem: str = "") -> Evidence:
    """Returns the evidence of a failure with this message. `facts`: what was last read on the
    cluster, perhaps of another failure; `problem`: why nothing was read of this one."""
    commands = (*_commands(failure), _AGENT_LOG)
    if facts is None or facts.failure != failure or not failure:
        return Evidence(problem=problem, commands=commands)
    found = [each for each in _objects(facts, failure) if each.phase or each.messages]
    return Evidence(
        read_at=facts.read_at, objects=found, cause=_cause(facts, failure), commands=commands
    )


def _objects(facts: InspectedFacts, failure: str) -> Iterator[EvidenceObject]:
    for each in velero_objects(failure):
        yield _velero(each, facts.of(each))
    storage, dpa = facts.of(inspected.BACKUP_STORAGE), facts.of(inspected.DPA)
    yield _shown(inspected.BACKUP_STORAGE, storage, inspected.MESSAGE)
    reconciled = {"True": "Reconciled", "False": "NotReconciled"}
    phase = reconciled.get(dpa.string(inspected.RECONCILED), "")
    message = "" if phase == "Reconciled" else dpa.string(inspected.RECONCILED_MESSAGE)
    yield EvidenceObject(str(inspected.DPA), phase, messages=_messages(dpa, [message]))


def _velero(each: InspectedObject, reading: Reading) -> EvidenceObject:
    fields = (velero.FAILURE_REASON, velero.FIRST_INVALID, velero.LAST_INVALID)
    return _shown(each, reading, *fields)


def _shown(each: InspectedObject, reading: Reading, *fields: str) -> EvidenceObject:
    return EvidenceObject(
        str(each),
        reading.string(inspected.PHASE)[:_MAX_PHASE],
        errors=max(0, reading.number(velero.ERRORS)),
        warnings=max(0, reading.number(velero.WARNINGS)),
        messages=_messages(reading, [reading.string(name) for name in fields]),
    )


def _messages(reading: Reading, texts: Sequence[str]) -> tuple[str, ...]:
    """Returns the texts without repetition, or why the object could not be read."""
    if reading.found:
        return tuple(dict.fromkeys(filter(None, texts)))
    return (_UNREAD.get(reading.result) or f"could not be read: {reading.message or 'no reason'}",)


def _cause(facts: InspectedFacts, failure: str) -> EvidenceCause | None:
    """Returns the first cause that explains the others: without storage each Backup fails."""
    dpa, storage = facts.of(inspected.DPA), facts.of(inspected.BACKUP_STORAGE)
    phase = storage.string(inspected.PHASE)
    checks: Mapping[EvidenceCause, bool] = {
        _NO_OADP: dpa.result is ReadResult.NO_KIND,
        _NO_DPA: facts.of(inspected.VELERO).result is ReadResult.ABSENT,
        _DPA_FAILED: dpa.string(inspected.RECONCILED) == "False",
        _NO_STORAGE: storage.found and phase not in ("", _AVAILABLE),
        _INVALID: any(
            facts.of(each).string(velero.FIRST_INVALID) for each in velero_objects(failure)
        ),
    }
    return next((cause for cause, applies in checks.items() if applies), None)


def _commands(failure: str) -> list[str]:
    """Returns the commands that describe the objects. Their names can be put into a shell line."""
    described = [
        f"{_VELERO} describe {each.kind.lower()} -n openshift-adp {each.name} --details"
        for each in velero_objects(failure)
    ]
    storage = "oc get backupstoragelocations.velero.io -n openshift-adp"
    return [*described[:_MAX_COMMANDS], *([storage] if velero.concerns_velero(failure) else [])]

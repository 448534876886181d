"""The ManifestWork of a preparation, and the answer of the cluster's work agent to it.

It reads, or it writes: it writes only as long as a command waits for it, so that nothing is put
back on a cluster later on, when a new stateroot has other objects.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime

from msgspec import Struct

from ibgu.core.drivers.ibu.preflight.inspection import Reading, read_entry
from ibgu.core.drivers.ibu.preflight.inspection.objects import InspectedObject
from ibgu.core.drivers.ibu.preparation.model import (
    FIELD_MANAGER,
    MANAGER,
    Preparation,
    PreparationKind,
    WrittenObject,
)
from ibgu.core.model import names
from ibgu.core.model.conditions import find
from ibgu.core.model.kinds import JsonObject, ManifestCondition, ManifestWork
from ibgu.core.text.cut import cut
from ibgu.core.text.harmless import one_line

PREPARATION = "ibgu.dev/preparation"
"""Label: the kind."""
WRITING = "ibgu.dev/preparation-writes"
"""Annotation: "false" while the work reads, else the time until which a command may wait for it."""
_READS = "false"
SELECTOR = f"{names.MANAGED_BY}={MANAGER}"
_RBAC = "rbac.authorization.k8s.io"
_ROLES = "clusterroles"
_ECHO = "read-"
_READ_ONLY: JsonObject = {"type": "ReadOnly"}


def work_name(kind: str) -> str:
    return f"ibgu-prepare-{kind}"


def reading_body(preparation: Preparation, echo: str) -> JsonObject:
    """Returns the ManifestWork that reads. `echo`: an id that no earlier version had."""
    configs = [_config(each, _READ_ONLY) for each in preparation.reads]
    manifests = [_identity(each) for each in preparation.reads]
    return _work(preparation, echo, manifests, configs)


def writing_body(
    preparation: Preparation, objects: Sequence[WrittenObject], echo: str, until: datetime
) -> JsonObject:
    """Returns the ManifestWork that applies the objects. `until`: when the command that sends it
    has brought it back to reading; else it was killed, and the work is left over."""
    configs = [_config(each.target, _apply(each), feedback=False) for each in objects]
    manifests = [each.manifest for each in objects]
    return _work(preparation, echo, manifests, configs, until.isoformat())


def patch_of(body: JsonObject, uid: str) -> JsonObject:
    """Returns the JSON merge patch that brings the work of that uid to `body`."""
    kept = {name: body["metadata"][name] for name in ("labels", "annotations")}
    return {"metadata": {"uid": uid, **kept}, "spec": body["spec"]}


def role_name(kind: PreparationKind) -> str:
    return f"open-cluster-management:klusterlet-work:ibgu-prepare-{kind}"


def _work(
    preparation: Preparation,
    echo: str,
    manifests: list[JsonObject],
    configs: list[JsonObject],
    writes: str = _READS,
) -> JsonObject:
    role = {
        "apiVersion": f"{_RBAC}/v1",
        "kind": "ClusterRole",
        "metadata": {
            "name": role_name(preparation.kind),
            "labels": {"open-cluster-management.io/aggregate-to-work": "true"},
        },
        "rules": list(preparation.rules),
    }
    return {
        "apiVersion": "work.open-cluster-management.io/v1",
        "kind": "ManifestWork",
        "metadata": {
            "name": work_name(preparation.kind),
            "labels": {names.MANAGED_BY: MANAGER, PREPARATION: str(preparation.kind)},
            "annotations": {WRITING: writes},
        },
        "spec": {
            "workload": {"manifests": [role, *manifests]},
            "manifestConfigs": [_echo(preparation.kind, echo), *configs],
            # Without it the agent deletes what the work names.
            "deleteOption": {"propagationPolicy": "Orphan"},
        },
    }


def _echo(kind: PreparationKind, echo: str) -> JsonObject:
    """Returns the feedback whose name proves that the agent has read this version of the work: it
    reports all manifests of a work at once, and the values of an earlier version look alike."""
    paths = [{"name": f"{_ECHO}{echo}", "path": ".metadata.name"}]
    return {
        "resourceIdentifier": {"group": _RBAC, "resource": _ROLES, "name": role_name(kind)},
        "feedbackRules": [{"type": "JSONPaths", "jsonPaths": paths}],
    }


def _apply(each: WrittenObject) -> JsonObject:
    options = {"fieldManager": FIELD_MANAGER, "force": each.force}
    return {"type": "ServerSideApply", "serverSideApply": options}


def _identity(each: InspectedObject) -> JsonObject:
    metadata = {"name": each.name, **({"namespace": each.namespace} if each.namespace else {})}
    return {"apiVersion": each.api_version, "kind": each.kind, "metadata": metadata}


def _config(each: InspectedObject, strategy: JsonObject, *, feedback: bool = True) -> JsonObject:
    identifier = {"group": each.group, "resource": each.resource, "name": each.name}
    if each.namespace:
        identifier["namespace"] = each.namespace
    config: JsonObject = {"resourceIdentifier": identifier, "updateStrategy": strategy}
    if each.paths and feedback:
        paths = [{"name": name, "path": path} for name, path in each.paths.items()]
        config["feedbackRules"] = [{"type": "JSONPaths", "jsonPaths": paths}]
    return config


# -- the answer ------------------------------------------------------------------------------------


def readings_of(
    work: ManifestWork, reads: Iterable[InspectedObject], echo: str = ""
) -> dict[InspectedObject, Reading] | None:
    """Returns what the agent has read; None: not all of it yet, or not for this version. Without
    `echo` any version counts."""
    entries = work.status.resource_status.manifests
    if echo and not any(_echoes(each, echo) for each in entries):
        return None
    by_identity = {_identity_of(each): each for each in entries}
    found: dict[InspectedObject, Reading] = {}
    for each in reads:
        entry = by_identity.get((each.group, each.kind, each.namespace, each.name))
        reading = read_entry(entry, each) if entry is not None else None
        if reading is None:
            return None
        found[each] = reading
    return found


def _echoes(entry: ManifestCondition, echo: str) -> bool:
    return any(each.name == f"{_ECHO}{echo}" for each in entry.status_feedback.values)


def _identity_of(entry: ManifestCondition) -> tuple[str, str, str, str]:
    meta = entry.resource_meta
    return meta.group, meta.kind, meta.namespace, meta.name


class ApplyResult(Struct, frozen=True):
    """ApplyResult is what became of applying; without `done` the agent tries again, unless it is
    `refused`."""

    done: bool = False
    refused: bool = False
    """Whether trying again does not help: somebody else has set the same fields."""
    problem: str = ""


def apply_result(work: ManifestWork) -> ApplyResult:
    applied = find(work.status.conditions, "Applied")
    if applied.observed_generation != work.metadata.generation:
        return ApplyResult()
    if applied.status == "True":
        return ApplyResult(done=True)
    failed = [
        condition.message
        for entry in work.status.resource_status.manifests
        if (condition := find(entry.conditions, "Applied")).status == "False"
    ]
    problem = one_line(cut("; ".join(failed) or applied.message))
    return ApplyResult(refused="conflict" in problem, problem=problem)


def writes(work: ManifestWork) -> bool:
    """Returns whether the work writes: a command waits for it, or has been killed."""
    return work.metadata.annotations.get(WRITING, _READS) != _READS


def left_over(work: ManifestWork, now: datetime) -> bool:
    """Returns whether the work writes though no command waits for it any more. A time that can't be
    read has passed."""
    if not writes(work):
        return False
    try:
        return datetime.fromisoformat(work.metadata.annotations[WRITING]) < now
    except (ValueError, TypeError):
        return True


def under_way(works: Iterable[ManifestWork]) -> str:
    """Returns the rollout that acts on the cluster now, from ibgu's works in its namespace; empty:
    none does."""
    for each in works:
        if each.metadata.annotations.get(names.ARMING) == names.ARMED:
            return each.metadata.annotations.get(names.ROLLOUT) or each.metadata.name
    return ""

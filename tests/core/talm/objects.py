"""TALM's objects as it creates them (field names and meanings of its API), as JSON."""

from collections.abc import Sequence
from typing import Any

from msgspec import convert, json

from ibgu.core.drivers.ibu.actions import Action, Stage
from ibgu.core.model.kinds import ClusterGroupUpgrade
from ibgu.core.talm import TalmManifestWork, names

Object = dict[str, Any]
NAMESPACE = "fleet"
VALUES = {stage: value for value, stage in names.COMPLETED.items()}
CREATED = "2026-01-01T00:00:00Z"


def cgu(
    ibgu: str,
    index: int,
    *actions: str,
    batches: Sequence[Sequence[str]] = (),
    batch: int = 0,
    progress: Object | None = None,
    clusters: Sequence[Object] = (),
    succeeded: str = "",
    started: str = "",
    completed: str = "",
    **meta: Any,
) -> Object:
    """`succeeded`: status of the condition, "" while there is none."""
    conditions = [{"type": "Succeeded", "status": succeeded}] if succeeded else []
    run = {
        "startedAt": started or None,
        "completedAt": completed or None,
        "currentBatch": batch,
        "currentBatchRemediationProgress": progress or {},
    }
    return {
        "apiVersion": "ran.openshift.io/v1alpha1",
        "kind": "ClusterGroupUpgrade",
        "metadata": {
            "name": names.group_name(ibgu, actions, index),
            "namespace": NAMESPACE,
            "uid": f"cgu-{index}",
            "labels": {names.IBGU: ibgu},
            "finalizers": ["ran.openshift.io/cleanup-finalizer"],
            **meta,
        },
        "status": {
            "conditions": conditions,
            "remediationPlan": [list(batch) for batch in batches],
            "status": run,
            "clusters": list(clusters),
        },
    }


def ended(name: str, state: str, template: str = "", **feedback: str) -> Object:
    """An entry of a ClusterGroupUpgrade's `status.clusters`."""
    entry: Object = {"name": name, "state": state}
    if template:
        entry["currentManifestWork"] = {"name": template, "status": {"manifests": [fed(feedback)]}}
    return entry


def fed(feedback: Object) -> Object:
    """One manifest's status."""
    values = [
        {"name": name, "fieldValue": {"type": "String", "string": value}}
        for name, value in feedback.items()
    ]
    return {"statusFeedback": {"values": values}, "conditions": []}


def work(
    cluster: str,
    action: Action,
    *,
    group: str = "a-prep-0",
    applied: bool = True,
    error: str = "",
    payload_error: str = "",
    orphan: bool = True,
    **meta: Any,
) -> Object:
    """A ManifestWork of TALM's for one action, with what the work agent has put into it."""
    stage = action.stage
    entry = {
        "resourceMeta": {"group": "lca.openshift.io", "kind": "ImageBasedUpgrade"},
        "conditions": [_applied("True" if applied and not error else "False", error)],
    }
    role = {"resourceMeta": {"kind": "ClusterRole"}, "conditions": [_applied("True")]}
    if payload_error:
        role["conditions"] = [_applied("False", payload_error)]
    whole = "True" if applied and not (error or payload_error) else "False"
    return {
        "apiVersion": "work.open-cluster-management.io/v1",
        "kind": "ManifestWork",
        "metadata": {
            "name": f"{NAMESPACE}.a-{action.lower()}-x7k2p",
            "namespace": cluster,
            "uid": f"talm-{cluster}-{action}",
            "generation": 1,
            "resourceVersion": "7",
            "creationTimestamp": CREATED,
            "labels": {names.CGU: group, names.CGU_NAMESPACE: NAMESPACE},
            "annotations": {names.EXPECTED: expected(stage)},
            **meta,
        },
        "spec": {"deleteOption": {"propagationPolicy": "Orphan"}} if orphan else {},
        "status": {
            "conditions": [_applied(whole)],
            "resourceStatus": {"manifests": [role, entry]},
        },
    }


def expected(stage: Stage, index: int = 1) -> str:
    """TALM's annotation: `index` is that of the ImageBasedUpgrade among the manifests."""
    value = {"manifestIndex": index, "name": VALUES[stage], "value": "True"}
    return json.encode([value]).decode()


def _applied(status: str, message: str = "") -> Object:
    return {"type": "Applied", "status": status, "message": message, "observedGeneration": 1}


def as_cgu(obj: Object) -> ClusterGroupUpgrade:
    return convert(obj, ClusterGroupUpgrade)


def as_work(obj: Object) -> TalmManifestWork:
    return convert(obj, TalmManifestWork)

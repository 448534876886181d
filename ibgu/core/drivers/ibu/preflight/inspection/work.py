"""The ManifestWork that inspects one cluster."""

from collections.abc import Iterable, Sequence

from msgspec import Raw, json

from ibgu.core.drivers.ibu.preflight.inspection.objects import OBJECTS, InspectedObject, node
from ibgu.core.drivers.ibu.preflight.inspection.velero import BACKUP, RESTORE
from ibgu.core.model import names
from ibgu.core.model.kinds import JsonObject

WORK = "ibgu-preflight"
"""The name of the work in each cluster's namespace."""
INSPECTION = "ibgu.dev/inspection"
"""Label and annotation with the id of the inspection. The watch on works of rollouts selects
another label (`names.SELECTOR`), so it never shows these."""
SELECTOR = INSPECTION
ROLE = "open-cluster-management:klusterlet-work:ibgu-preflight"
_RBAC = "rbac.authorization.k8s.io"
_READ_ONLY: JsonObject = {"type": "ReadOnly"}


def inspection_body(id_: str, more: Sequence[InspectedObject] = ()) -> bytes:
    """Returns the body that creates the work; `more`: objects that it reads besides."""
    body = {
        "apiVersion": "work.open-cluster-management.io/v1",
        "kind": "ManifestWork",
        "metadata": {
            "name": WORK,
            "labels": {names.MANAGED_BY: WORK, INSPECTION: id_},
        },
        "spec": _spec((*OBJECTS, *more)),
    }
    return json.encode(body)


def inspection_patch(uid: str, node_name: str, more: Sequence[InspectedObject] = ()) -> bytes:
    """Returns the JSON merge patch with which the cluster reads again, and its node besides. An
    empty `node_name`: the node is not known."""
    objects = (*OBJECTS, *more, *((node(node_name),) if node_name else ()))
    # Any change of the work makes the agent read at once, instead of at its next poll.
    metadata = {"uid": uid, "annotations": {names.REFRESH: "again"}}
    return json.encode({"metadata": metadata, "spec": _spec(objects)})


def role(more: Iterable[InspectedObject] = ()) -> JsonObject:
    """Returns the ClusterRole that lets the work agent get these objects, and nothing else."""
    return {
        "apiVersion": f"{_RBAC}/v1",
        "kind": "ClusterRole",
        "metadata": {
            "name": ROLE,
            "labels": {"open-cluster-management.io/aggregate-to-work": "true"},
        },
        "rules": _rules((*OBJECTS, *more)),
    }


def _rules(objects: Iterable[InspectedObject]) -> list[JsonObject]:
    named: dict[tuple[str, str], list[str]] = {}
    for each in objects:
        named.setdefault((each.group, each.resource), []).append(each.name)
    rules: list[JsonObject] = [
        {"apiGroups": [group], "resources": [resource], "resourceNames": found, "verbs": ["get"]}
        for (group, resource), found in named.items()
    ]
    # The node's name differs on each cluster.
    return [*rules, {"apiGroups": [""], "resources": ["nodes"], "verbs": ["get"]}]


def _spec(objects: Iterable[InspectedObject]) -> JsonObject:
    found = tuple(objects)
    of_failure = [each for each in found if each.kind in (BACKUP, RESTORE)]
    return {
        "workload": {"manifests": [Raw(json.encode(role(of_failure))), *map(_manifest, found)]},
        "manifestConfigs": [*map(_config, found)],
        # Without it the agent deletes what the work names.
        "deleteOption": {"propagationPolicy": "Orphan"},
    }


def _manifest(each: InspectedObject) -> JsonObject:
    metadata = {"name": each.name, **({"namespace": each.namespace} if each.namespace else {})}
    return {"apiVersion": each.api_version, "kind": each.kind, "metadata": metadata}


def _config(each: InspectedObject) -> JsonObject:
    config: JsonObject = {
        "resourceIdentifier": {
            "group": each.group,
            "resource": each.resource,
            "name": each.name,
            **({"namespace": each.namespace} if each.namespace else {}),
        },
        "updateStrategy": _READ_ONLY,
    }
    if each.paths:
        paths = [{"name": name, "path": path} for name, path in each.paths.items()]
        config["feedbackRules"] = [{"type": "JSONPaths", "jsonPaths": paths}]
    return config

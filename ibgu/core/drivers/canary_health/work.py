"""The ManifestWork that reads whether one canary is well.

The agent writes nothing while nothing changes. So each question has an id, by which the agent names
one value: an answer with that name was read after the question.
"""

from collections.abc import Collection, Iterable

from msgspec import json

from ibgu.core.drivers.canary_health.objects import NAME, objects_of
from ibgu.core.drivers.ibu.preflight.inspection.objects import InspectedObject
from ibgu.core.engine.state.health_observations import ObservedCheck
from ibgu.core.model import names
from ibgu.core.model.kinds import JsonObject

WORK = "ibgu-canary-health"
"""The name of the work in each cluster's namespace."""
SELECTOR = "ibgu.dev/canary-health"
"""The label by which the works are watched."""
ROLE = "open-cluster-management:klusterlet-work:ibgu-canary-health"
_RBAC = "rbac.authorization.k8s.io"


def answer_name(question: str) -> str:
    """Returns the name of the value that answers the question."""
    return f"{NAME}-{question}"


def health_body(question: str, checks: Collection[ObservedCheck]) -> bytes:
    """Returns the body that creates the work."""
    body = {
        "apiVersion": "work.open-cluster-management.io/v1",
        "kind": "ManifestWork",
        "metadata": {"name": WORK, "labels": {names.MANAGED_BY: WORK, SELECTOR: "true"}},
        "spec": _spec(question, checks),
    }
    return json.encode(body)


def health_patch(uid: str, question: str, checks: Collection[ObservedCheck]) -> bytes:
    """Returns the JSON merge patch that asks again."""
    return json.encode({"metadata": {"uid": uid}, "spec": _spec(question, checks)})


def _spec(question: str, checks: Collection[ObservedCheck]) -> JsonObject:
    found = objects_of(checks)
    return {
        "workload": {"manifests": [_role(found), *map(_manifest, found)]},
        "manifestConfigs": [_config(each, question) for each in found],
        # Without it the agent deletes what the work names.
        "deleteOption": {"propagationPolicy": "Orphan"},
    }


def _role(objects: Iterable[InspectedObject]) -> JsonObject:
    named: dict[tuple[str, str], list[str]] = {}
    for each in objects:
        named.setdefault((each.group, each.resource), []).append(each.name)
    return {
        "apiVersion": f"{_RBAC}/v1",
        "kind": "ClusterRole",
        "metadata": {
            "name": ROLE,
            "labels": {"open-cluster-management.io/aggregate-to-work": "true"},
        },
        "rules": [
            {"apiGroups": [group], "resources": [kind], "resourceNames": found, "verbs": ["get"]}
            for (group, kind), found in named.items()
        ],
    }


def _manifest(each: InspectedObject) -> JsonObject:
    return {"apiVersion": each.api_version, "kind": each.kind, "metadata": {"name": each.name}}


def _config(each: InspectedObject, question: str) -> JsonObject:
    paths = [
        {"name": answer_name(question) if name == NAME else name, "path": path}
        for name, path in each.paths.items()
    ]
    return {
        "resourceIdentifier": {"group": each.group, "resource": each.resource, "name": each.name},
        "updateStrategy": {"type": "ReadOnly"},
        "feedbackRules": [{"type": "JSONPaths", "jsonPaths": paths}],
    }

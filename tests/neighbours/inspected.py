"""Objects that an inspection reads, on the real API server of a managed cluster."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from urllib.parse import quote

from ibgu.core.drivers.ibu.preflight.inspection.objects import IBU, InspectedObject
from ibgu.core.model.kinds import JsonObject
from ibgu.hub.paths import MERGE_PATCH
from ibgu.sandbox.waiting import wait_until
from tests.core.drivers.ibu.preflight.answers import Objects, objects
from tests.neighbours.server import ManagedClusterServer

_CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
_BUILT_IN = ("", "apps")
_POD = {
    "selector": {"matchLabels": {"app": "x"}},
    "template": {
        "metadata": {"labels": {"app": "x"}},
        "spec": {"containers": [{"name": "x", "image": "x"}]},
    },
}


@contextmanager
def equipped(server: ManagedClusterServer, changes: Objects, *unserved: str) -> Iterator[None]:
    """The cluster has all that a correct one has, with these changes; an empty object is absent,
    the kinds in `unserved` are not served."""
    wanted = {**objects(), **changes}
    chosen = [each for each in wanted if each is not IBU and each.kind not in unserved]
    try:
        for each in chosen:
            if each.group not in _BUILT_IN:
                serve(server, each)
        for each in chosen:
            if wanted[each]:
                _create(server, each, wanted[each])
        yield
    finally:
        for each in chosen:
            if each.group in _BUILT_IN:
                server.api.remove(f"{_collection(each)}/{quote(each.name)}")
            else:
                server.api.remove(f"{_CRDS}/{each.resource}.{each.group}")


def serve(server: ManagedClusterServer, each: InspectedObject) -> None:
    """Serves the kind without a schema; the status is no subresource, so that it is created with
    the object."""
    name = f"{each.resource}.{each.group}"
    if server.api.serves(f"{_CRDS}/{name}"):
        return
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    version = {
        "name": each.version,
        "served": True,
        "storage": True,
        "schema": {"openAPIV3Schema": schema},
    }
    spec = {
        "group": each.group,
        "names": {"kind": each.kind, "plural": each.resource, "listKind": f"{each.kind}List"},
        "scope": "Namespaced" if each.namespace else "Cluster",
        "versions": [version],
    }
    body = {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": name},
        "spec": spec,
    }
    server.api.request("POST", _CRDS, body)
    path = _collection(each)
    wait_until(partial(server.api.serves, path), path, lambda: None)


def _create(server: ManagedClusterServer, each: InspectedObject, content: JsonObject) -> None:
    metadata = {"name": each.name, **({"namespace": each.namespace} if each.namespace else {})}
    body = {"apiVersion": each.api_version, "kind": each.kind, "metadata": metadata, **content}
    if each.kind == "Deployment":
        body["spec"] = _POD
    server.api.request("POST", _collection(each), body)
    if each.group in _BUILT_IN:
        path = f"{_collection(each)}/{quote(each.name)}/status"
        server.api.request("PATCH", path, {"status": _status(each, content)}, MERGE_PATCH)


def _status(each: InspectedObject, content: JsonObject) -> JsonObject:
    status: JsonObject = content["status"]
    if each.kind == "Deployment":
        return {**status, "replicas": 1, "readyReplicas": status["availableReplicas"]}
    return status


def _collection(each: InspectedObject) -> str:
    root = f"/apis/{each.api_version}" if each.group else f"/api/{each.version}"
    scope = f"/namespaces/{each.namespace}" if each.namespace else ""
    return f"{root}{scope}/{each.resource}"

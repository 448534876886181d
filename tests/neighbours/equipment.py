"""A cluster's equipment on a real API server: the same objects that the model shows, and their
kinds."""

import json
from functools import partial

from ibgu.core.model.kinds import JsonObject
from ibgu.sandbox.kubectl import Kubectl
from ibgu.sandbox.waiting import wait_until
from ibgu.sim.spoke import Key, key_of, resource_of
from tests.neighbours.connection import Connection

_VERSIONS = {"oadp.openshift.io": "v1alpha1", "machine.openshift.io": "v1beta1"}
_BUILT_IN = ("", "apps")
_STAYS = ("config.openshift.io", "operator.openshift.io", "operators.coreos.com")
"""Groups whose kinds every OpenShift cluster serves: they stay, as a CRD takes a while to go."""


def collection(key: Key) -> str:
    version = _VERSIONS.get(key.group, "v1")
    root = f"/apis/{key.group}/{version}" if key.group else f"/api/{version}"
    scope = f"/namespaces/{key.namespace}" if key.namespace else ""
    return f"{root}{scope}/{resource_of(key)}"


class EquipmentOnServer:
    """EquipmentOnServer keeps an API server's objects as the model has them."""

    def __init__(self, kubectl: Kubectl, api: Connection) -> None:
        self._kubectl = kubectl
        self._api = api
        self._shown: dict[Key, JsonObject] = {}
        self._served: set[tuple[str, str]] = set()

    def show(self, objects: list[JsonObject]) -> None:
        """Creates, changes and deletes what differs from what was shown before."""
        wanted = {key_of(each): _bare(each) for each in objects}
        for key in [key for key in self._shown if key not in wanted]:
            self._api.remove(f"{collection(key)}/{key.name}")
        for key, each in wanted.items():
            if self._shown.get(key) != each:
                self._serve(key)
                self._write(key, each)
        self._shown = wanted

    def clear(self) -> None:
        self.show([])
        for group, resource in sorted(self._served):
            if group not in _STAYS:
                self._kubectl("delete", "crd", f"{resource}.{group}")
                self._served.remove((group, resource))

    def _serve(self, key: Key) -> None:
        if key.group in _BUILT_IN or (key.group, resource_of(key)) in self._served:
            return
        self._kubectl("apply", "-f", "-", stdin=json.dumps(_definition(key)))
        path = collection(key)
        wait_until(partial(self._api.serves, path), path, lambda: None)
        self._served.add((key.group, resource_of(key)))

    def _write(self, key: Key, wanted: JsonObject) -> None:
        path = f"{collection(key)}/{key.name}"
        found = self._api.found(path)
        if found is None:
            found = self._api.request("POST", collection(key), wanted)
        else:
            found = self._api.request("PUT", path, _at(wanted, found))
        if key.group in _BUILT_IN:
            body = {**found, "status": wanted["status"]}
            self._api.request("PUT", f"{path}/status", body)


def _bare(obj: JsonObject) -> JsonObject:
    kept = ("name", "namespace", "labels")
    meta = {name: obj["metadata"][name] for name in kept if name in obj["metadata"]}
    return {**obj, "metadata": meta}


def _at(wanted: JsonObject, found: JsonObject) -> JsonObject:
    version = found["metadata"]["resourceVersion"]
    return {**wanted, "metadata": {**wanted["metadata"], "resourceVersion": version}}


def _definition(key: Key) -> JsonObject:
    """Returns a CustomResourceDefinition that takes any content."""
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    version = {
        "name": _VERSIONS.get(key.group, "v1"),
        "served": True,
        "storage": True,
        "schema": {"openAPIV3Schema": schema},
    }
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{resource_of(key)}.{key.group}"},
        "spec": {
            "group": key.group,
            "scope": "Namespaced" if key.namespace else "Cluster",
            "names": {
                "kind": key.kind,
                "plural": resource_of(key),
                "singular": key.kind.lower(),
                "listKind": f"{key.kind}List",
            },
            "versions": [version],
        },
    }

"""Updates an object's metadata and content when it is created, changed or deleted."""

from random import Random
from uuid import UUID

from ibgu.core.model.kinds import JsonObject
from ibgu.sim.clock import timestamp
from ibgu.sim.hub import rules
from ibgu.sim.hub.answers import invalid
from ibgu.sim.hub.kinds import Resource, ResourcePath
from ibgu.sim.hub.schema import broken_rules, problems, shaped

_ALPHABET = "bcdfghjklmnpqrstvwxz2456789"
_UNCHECKED = (
    "<nil>: Invalid value: null: some validation rules were not checked because the object was "
    "invalid; correct the existing errors to complete validation"
)
_SERVERS = ("uid", "creationTimestamp", "generation", "deletionTimestamp", "namespace", "name")
"""Metadata that an update can't change and need not repeat."""
_FORGOTTEN: list[JsonObject] = [{}]
"""Managed fields that ask the server to forget them."""


def new_uid(rng: Random) -> str:
    return str(UUID(int=rng.getrandbits(128), version=4))


def created(target: ResourcePath, body: JsonObject, rng: Random, now: float) -> JsonObject:
    """Returns the object as created. Raises RefusedRequest."""
    resource = target.resource
    metadata = _without_empty(body.get("metadata") or {})
    name = metadata.get("name") or _generated(metadata, rng)
    if not name:
        words = "metadata.name: Required value: name or generateName is required"
        raise invalid(resource, "", [words, _UNCHECKED] if resource.custom else [words])
    for field in ("resourceVersion", "deletionTimestamp", "managedFields", "selfLink"):
        metadata.pop(field, None)
    metadata |= {"name": name, "uid": new_uid(rng), "creationTimestamp": timestamp(now)}
    if resource.namespaced:
        metadata["namespace"] = target.namespace
    if resource.counted:
        metadata["generation"] = 1
    obj = {**body, "apiVersion": resource.api_version, "kind": resource.kind, "metadata": metadata}
    if resource.status and resource.custom:
        obj.pop("status", None)
    return _checked(resource, obj, None)


def _generated(metadata: JsonObject, rng: Random) -> str:
    prefix = metadata.get("generateName")
    return f"{prefix}{''.join(rng.choices(_ALPHABET, k=5))}" if prefix else ""


def changed(target: ResourcePath, old: JsonObject, new: JsonObject) -> JsonObject:
    """Returns the next state of an object, without a new version. Raises RefusedRequest."""
    if target.subresource == "status":
        return _checked(target.resource, {**old, "status": new.get("status", {})}, old)
    _check_metadata(target.resource, old["metadata"], new["metadata"])
    metadata = _without_empty(new["metadata"])
    for field in _SERVERS:
        if field in old["metadata"]:
            metadata[field] = old["metadata"][field]
    if metadata.get("managedFields") == _FORGOTTEN:
        del metadata["managedFields"]
    metadata["resourceVersion"] = old["metadata"]["resourceVersion"]
    obj = {**new, "metadata": metadata}
    if target.resource.status and target.resource.custom:
        obj = {k: v for k, v in obj.items() if k != "status"}
        obj |= {"status": old["status"]} if "status" in old else {}
    obj = _checked(target.resource, obj, old)
    if target.resource.counted and _content(obj) != _content(old):
        metadata["generation"] = old["metadata"]["generation"] + 1
    return obj


def _without_empty(metadata: JsonObject) -> JsonObject:
    empty = ("labels", "annotations", "finalizers")
    return {k: v for k, v in metadata.items() if v or k not in empty}


def _content(obj: JsonObject) -> JsonObject:
    return {k: v for k, v in obj.items() if k not in ("metadata", "status")}


def _check_metadata(resource: Resource, old: JsonObject, new: JsonObject) -> None:
    name = str(old["name"])
    if new.get("uid", old["uid"]) != old["uid"]:
        words = f'metadata.uid: Invalid value: "{new["uid"]}": field is immutable'
        raise invalid(resource, name, [words])
    added = [f for f in new.get("finalizers") or () if f not in (old.get("finalizers") or ())]
    if old.get("deletionTimestamp") and added:
        quoted = ", ".join(f'"{finalizer}"' for finalizer in added)
        words = (
            "metadata.finalizers: Forbidden: no new finalizers can be added if the object is "
            f"being deleted, found new finalizers []string{{{quoted}}}"
        )
        raise invalid(resource, name, [words])


def _checked(resource: Resource, obj: JsonObject, old: JsonObject | None) -> JsonObject:
    """Returns the object pruned and completed by its schema. Raises RefusedRequest."""
    schema = resource.schema
    if schema is None:
        return obj
    obj = {**shaped(obj, schema), "metadata": obj["metadata"]}
    found = list(problems(obj, schema))
    if any("Required value" in problem or "must be of type" in problem for problem in found):
        raise invalid(resource, obj["metadata"]["name"], [*found, _UNCHECKED])
    found += broken_rules(obj, old, schema, rules.meaning)
    if found:
        raise invalid(resource, obj["metadata"]["name"], found)
    return obj


def leaving(resource: Resource, obj: JsonObject, now: float) -> JsonObject:
    """Returns the object marked for deletion; its finalizers hold it."""
    metadata = {
        **obj["metadata"],
        "deletionTimestamp": timestamp(now),
        "deletionGracePeriodSeconds": 0,
    }
    if resource.counted:
        metadata["generation"] += 1
    return {**obj, "metadata": metadata}


def managed(obj: JsonObject, who: str, subresource: str, now: float) -> JsonObject:
    """Records who changed the object: of `who`, as of a User-Agent, what comes before the slash.
    The fields themselves are not recorded."""
    manager = who.partition("/")[0]
    mark = {"subresource": subresource} if subresource else {}
    entries = [
        e for e in obj["metadata"].get("managedFields", ()) if not _by(e, manager, subresource)
    ]
    entry = {
        "apiVersion": obj["apiVersion"],
        "fieldsType": "FieldsV1",
        "fieldsV1": {},
        "manager": manager,
        "operation": "Update",
        **mark,
        "time": timestamp(now),
    }
    metadata = {**obj["metadata"], "managedFields": [*entries, entry]}
    return {**obj, "metadata": metadata}


def _by(entry: JsonObject, manager: str, subresource: str) -> bool:
    return bool(entry["manager"] == manager and entry.get("subresource", "") == subresource)

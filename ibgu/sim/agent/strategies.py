"""Implements what each update strategy does to an object on the cluster."""

from hashlib import sha256

from msgspec import json

from ibgu.core.model.kinds import JsonObject
from ibgu.sim.agent.ssa import server_side_apply
from ibgu.sim.spoke import Key, Spoke, key_of
from ibgu.sim.wire import SsaOptions, UpdateStrategy

HASH = "open-cluster-management.io/config-spec-hash"


def apply_manifest(
    spoke: Spoke, manifest: JsonObject, strategy: UpdateStrategy, now: float
) -> None:
    """Brings one manifest onto the cluster. Raises Refusal."""
    key = key_of(manifest)
    match strategy.type:
        case "ReadOnly":
            return
        case "CreateOnly":
            _create_only(spoke, key, manifest, now)
        case "ServerSideApply":
            _server_side_apply(spoke, key, manifest, strategy.server_side_apply, now)
        case _:
            _update(spoke, key, manifest, now)


def _server_side_apply(
    spoke: Spoke, key: Key, manifest: JsonObject, options: SsaOptions, now: float
) -> None:
    """Applies the manifest; one with fields to ignore on change only once, by its hash, which the
    object keeps."""
    if any(each.condition == "OnSpokeChange" for each in options.ignore_fields):
        manifest = _with_hash(manifest)
        spoke.may("get", key, now)
        if _hash(spoke.get(key)) == _hash(manifest):
            return
    spoke.may("patch", key, now)
    server_side_apply(spoke, key, manifest, options.field_manager, options.force, now)


def _with_hash(manifest: JsonObject) -> JsonObject:
    meta = manifest["metadata"]
    found = sha256(json.encode(manifest, order="sorted")).hexdigest()
    annotations = {**(meta.get("annotations") or {}), HASH: found}
    return {**manifest, "metadata": {**meta, "annotations": annotations}}


def _hash(obj: JsonObject | None) -> str | None:
    return ((obj or {}).get("metadata", {}).get("annotations") or {}).get(HASH)


def _create_only(spoke: Spoke, key: Key, manifest: JsonObject, now: float) -> None:
    spoke.may("get", key, now)
    if spoke.get(key) is None:
        spoke.may("create", key, now)
        spoke.create(manifest, now)


def _update(spoke: Spoke, key: Key, manifest: JsonObject, now: float) -> None:
    spoke.may("get", key, now)
    old = spoke.get(key)
    if old is None:
        spoke.may("create", key, now)
        spoke.create(manifest, now)
        return
    new = merged(old, manifest)
    if new != old:
        spoke.may("update", key, now)
        spoke.update(key, new, now)


def merged(old: JsonObject, manifest: JsonObject) -> JsonObject:
    """Returns the merged object: labels and annotations are added, status and other metadata kept,
    all else replaced."""
    meta = dict(old["metadata"])
    wanted = manifest.get("metadata") or {}
    for field in ("labels", "annotations"):
        if wanted.get(field):
            meta[field] = {**(meta.get(field) or {}), **wanted[field]}
    new = {k: v for k, v in manifest.items() if k != "status"} | {"metadata": meta}
    return new | ({"status": old["status"]} if "status" in old else {})

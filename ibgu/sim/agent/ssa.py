"""Implements server-side apply, as far as a work agent's manifests need it: maps by field, lists
whole."""

from collections.abc import Collection, Iterator
from typing import Any

from ibgu.core.model.kinds import JsonObject
from ibgu.sim.spoke import Key, Spoke
from ibgu.sim.spoke.refusal import conflict
from ibgu.sim.spoke.store import Fields

Path = tuple[str, ...]

_IDENTITY = ("apiVersion", "kind", "metadata", "status")


def server_side_apply(
    spoke: Spoke, key: Key, manifest: JsonObject, manager: str, force: bool, now: float
) -> None:
    """Applies a manifest. Raises Refusal, also for a conflict with another manager."""
    old = spoke.get(key)
    wanted = dict(_leaves(_applied_part(manifest)))
    fields = spoke.managers.get(key, {})
    left_out = _owned(fields, manager) - wanted.keys()
    if old is None:
        spoke.create(manifest, now)
    else:
        _check_conflicts(fields, old, wanted, manager, force)
        new = old
        for path in left_out:
            if fields[_joined(path)] == {manager}:
                new = _without(new, path)
        for path, value in wanted.items():
            new = _with(new, path, value)
        spoke.update(key, new, now)
    spoke.managers[key] = _shared(fields, left_out, old or {}, wanted, manager)


def merge_patch(spoke: Spoke, key: Key, patch: JsonObject, manager: str, now: float) -> None:
    """Writes the fields of a merge patch, as `oc` does: its manager alone owns what it changes.
    Raises Refusal, KeyError if there is no such object."""
    old = new = spoke.objects[key]
    changed = {path: value for path, value in _leaves(patch) if _at(old, path) != value}
    for path, value in changed.items():
        new = _with(new, path, value)
    spoke.update(key, new, now)
    owners = {_joined(path): frozenset({manager}) for path in changed}
    spoke.managers[key] = spoke.managers.get(key, {}) | owners


def _shared(
    fields: Fields,
    left_out: Collection[Path],
    old: JsonObject,
    wanted: dict[Path, Any],
    manager: str,
) -> Fields:
    """Returns who owns which field after an apply: managers share a field on whose value they
    agree."""
    owners = dict(fields)
    for path in left_out:
        owners[_joined(path)] = owners[_joined(path)] - {manager}
    for path, value in wanted.items():
        agreed = fields.get(_joined(path), frozenset()) if _at(old, path) == value else frozenset()
        owners[_joined(path)] = agreed | {manager}
    return {path: who for path, who in owners.items() if who}


def _applied_part(manifest: JsonObject) -> JsonObject:
    meta = manifest.get("metadata") or {}
    content = {k: v for k, v in manifest.items() if k not in _IDENTITY}
    kept = {k: meta[k] for k in ("labels", "annotations") if meta.get(k)}
    return content | ({"metadata": kept} if kept else {})


def _leaves(value: JsonObject, at: Path = ()) -> Iterator[tuple[Path, Any]]:
    for name, child in value.items():
        if isinstance(child, dict) and child:
            yield from _leaves(child, (*at, name))
        else:
            yield (*at, name), child


def _owned(fields: Fields, manager: str) -> set[Path]:
    return {tuple(name.split("\0")) for name, owners in fields.items() if manager in owners}


def _joined(path: Path) -> str:
    return "\0".join(path)


def _check_conflicts(
    fields: Fields, old: JsonObject, wanted: dict[Path, Any], manager: str, force: bool
) -> None:
    others = {path: fields.get(_joined(path), frozenset()) - {manager} for path in wanted}
    contested = [path for path, value in wanted.items() if others[path] and _at(old, path) != value]
    if contested and not force:
        other = min(others[contested[0]])
        raise conflict(other, str(old["apiVersion"]), ["." + ".".join(p) for p in contested])


def _at(obj: Any, path: Path) -> Any:
    for name in path:
        obj = obj.get(name) if isinstance(obj, dict) else None
    return obj


def _with(obj: JsonObject, path: Path, value: Any) -> JsonObject:
    name, *rest = path
    if not rest:
        return {**obj, name: value}
    child = obj.get(name)
    return {**obj, name: _with(child if isinstance(child, dict) else {}, tuple(rest), value)}


def _without(obj: JsonObject, path: Path, depth: int = 0) -> JsonObject:
    """Returns the object without the field, and without the maps in metadata and spec that held
    nothing else."""
    name, *rest = path
    if name not in obj:
        return obj
    others = {k: v for k, v in obj.items() if k != name}
    if not rest:
        return others
    child = obj[name]
    if not isinstance(child, dict):
        return obj
    left = _without(child, tuple(rest), depth + 1)
    return {**obj, name: left} if left or not depth else others

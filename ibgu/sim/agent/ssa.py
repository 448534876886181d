"""Implements server-side apply, as far as a work agent's manifests need it: maps by field, lists
whole."""

from collections.abc import Iterator
from typing import Any

from ibgu.core.model.kinds import JsonObject
from ibgu.sim.spoke import Key, Spoke
from ibgu.sim.spoke.refusal import conflict

Path = tuple[str, ...]

_IDENTITY = ("apiVersion", "kind", "metadata", "status")


def server_side_apply(
    spoke: Spoke, key: Key, manifest: JsonObject, manager: str, force: bool, now: float
) -> None:
    """Applies a manifest. Raises Refusal, also for a conflict with another manager."""
    old = spoke.get(key)
    wanted = dict(_leaves(_applied_part(manifest)))
    if old is None:
        spoke.create(manifest, now)
    else:
        owned = _owned(spoke, key, manager)
        _check_conflicts(spoke, key, old, wanted, manager, force)
        new = old
        for path in owned - wanted.keys():
            new = _without(new, path)
        for path, value in wanted.items():
            new = _with(new, path, value)
        spoke.update(key, new, now)
    fields = {name: who for name, who in spoke.managers.get(key, {}).items() if who != manager}
    spoke.managers[key] = fields | {_joined(path): manager for path in wanted}


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


def _owned(spoke: Spoke, key: Key, manager: str) -> set[Path]:
    fields = spoke.managers.get(key, {})
    return {tuple(name.split("\0")) for name, who in fields.items() if who == manager}


def _joined(path: Path) -> str:
    return "\0".join(path)


def _check_conflicts(
    spoke: Spoke, key: Key, old: JsonObject, wanted: dict[Path, Any], manager: str, force: bool
) -> None:
    fields = spoke.managers.get(key, {})
    contested = [
        path
        for path, value in wanted.items()
        if fields.get(_joined(path), manager) != manager and _at(old, path) != value
    ]
    if contested and not force:
        other = fields[_joined(contested[0])]
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


def _without(obj: JsonObject, path: Path) -> JsonObject:
    name, *rest = path
    if name not in obj:
        return obj
    if not rest:
        return {k: v for k, v in obj.items() if k != name}
    child = obj[name]
    return {**obj, name: _without(child, tuple(rest))} if isinstance(child, dict) else obj

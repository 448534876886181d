"""Implements JSON merge patch (RFC 7386), and what ibgu sends of JSON patch (RFC 6902)."""

from typing import Any

from ibgu.core.model.kinds import JsonObject


class DoesNotFit(Exception):
    """DoesNotFit: the patch can't be applied to this object."""


def merged(target: Any, patch: Any) -> Any:
    """Returns a new value; `target` stays unchanged."""
    if not isinstance(patch, dict):
        return patch
    result: JsonObject = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merged(result.get(key), value)
    return result


def patched(target: JsonObject, steps: list[JsonObject]) -> JsonObject:
    """Returns a new object, by steps that test, add, replace or remove members of objects. Raises
    DoesNotFit."""
    for step in steps:
        path = [_plain(part) for part in step["path"].split("/")[1:]]
        target = _stepped(target, path, step)
    return target


def _stepped(target: Any, path: list[str], step: JsonObject) -> JsonObject:
    if not isinstance(target, dict):
        raise DoesNotFit
    key, *rest = path
    if rest:
        return {**target, key: _stepped(target.get(key), rest, step)}
    match step["op"]:
        case "add" | "replace":
            return {**target, key: step["value"]}
        case "remove" if key in target:
            return {name: value for name, value in target.items() if name != key}
        case "test" if target.get(key) == step["value"]:
            return target
    raise DoesNotFit


def _plain(part: str) -> str:
    return part.replace("~1", "/").replace("~0", "~")

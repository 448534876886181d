"""JSON merge patch (RFC 7386)."""

from typing import Any

from ibgu.core.kinds import JsonObject


def merged(target: Any, patch: Any) -> Any:
    """A new value; nothing of `target` is changed."""
    if not isinstance(patch, dict):
        return patch
    result: JsonObject = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merged(result.get(key), value)
    return result

"""Applies a structural schema to a custom resource: prune, complete, validate."""

import re
from collections.abc import Callable, Iterator
from typing import Any

from ibgu.core.model.kinds import JsonObject

_TYPES: dict[str, type | tuple[type, ...]] = {
    "object": dict,
    "array": list,
    "string": str,
    "integer": int,
    "number": (int, float),
    "boolean": bool,
}

Rule = Callable[[Any, Any], bool]
Rules = Callable[[str, str], Rule]
"""Maps a field's path and a rule's message to a predicate of the new and old value."""


def shaped(value: Any, schema: JsonObject) -> Any:
    """Returns the value without fields that the schema does not know, and with defaults for missing
    ones."""
    if isinstance(value, dict) and "properties" in schema:
        known: JsonObject = schema["properties"]
        result = {k: shaped(v, known[k]) for k, v in value.items() if k in known}
        missing = {k: s["default"] for k, s in known.items() if "default" in s and k not in result}
        return result | missing
    if isinstance(value, dict) and isinstance(schema.get("additionalProperties"), dict):
        return {k: shaped(v, schema["additionalProperties"]) for k, v in value.items()}
    if isinstance(value, list) and "items" in schema:
        return [shaped(item, schema["items"]) for item in value]
    return value


def problems(value: Any, schema: JsonObject, at: str = "") -> Iterator[str]:
    """Yields the problems in the API server's words, as far as people or ibgu see them."""
    kind = schema.get("type")
    if kind and not _is(value, kind):
        yield f'{at}: Invalid value: "{_type_of(value)}": {at} in body must be of type {kind}'
        return
    yield from _bounds(value, schema, at)
    if isinstance(value, dict):
        for field in schema.get("required", ()):
            if field not in value:
                yield f"{_joined(at, field)}: Required value"
        for field, part in schema.get("properties", {}).items():
            if field in value:
                yield from problems(value[field], part, _joined(at, field))
    elif isinstance(value, list) and "items" in schema:
        for number, item in enumerate(value):
            yield from problems(item, schema["items"], f"{at}[{number}]")


def _is(value: Any, kind: str) -> bool:
    return isinstance(value, _TYPES[kind]) and not (kind == "integer" and value is True)


def _type_of(value: Any) -> str:
    if value is None:
        return "null"
    return next(name for name, type_ in _TYPES.items() if isinstance(value, type_))


def _joined(at: str, field: str) -> str:
    return f"{at}.{field}" if at else field


def _bounds(value: Any, schema: JsonObject, at: str) -> Iterator[str]:
    if "enum" in schema and value not in schema["enum"]:
        allowed = ", ".join(f'"{choice}"' for choice in schema["enum"])
        yield f'{at}: Unsupported value: "{value}": supported values: {allowed}'
    if "minimum" in schema and value < schema["minimum"]:
        words = f"{at} in body should be greater than or equal to {schema['minimum']}"
        yield f"{at}: Invalid value: {value}: {words}"
    if "maximum" in schema and value > schema["maximum"]:
        words = f"{at} in body should be less than or equal to {schema['maximum']}"
        yield f"{at}: Invalid value: {value}: {words}"
    if "maxItems" in schema and len(value) > schema["maxItems"]:
        yield f"{at}: Too many: {len(value)}: must have at most {schema['maxItems']} items"
    if "maxLength" in schema and len(value) > schema["maxLength"]:
        words = f"may not be more than {schema['maxLength']} bytes"
        yield f"{at}: Too long: {words}"
    if "minLength" in schema and len(value) < schema["minLength"]:
        words = f"{at} in body should be at least {schema['minLength']} chars long"
        yield f'{at}: Invalid value: "{value}": {words}'
    if "pattern" in schema and re.search(schema["pattern"], value) is None:
        words = f"{at} in body should match '{schema['pattern']}'"
        yield f'{at}: Invalid value: "{value}": {words}'


def broken_rules(
    new: Any, old: Any, schema: JsonObject, rules: Rules, at: str = ""
) -> Iterator[str]:
    """Yields violations of x-kubernetes-validations; a rule about the old value holds if there is
    none."""
    for entry in schema.get("x-kubernetes-validations", ()):
        message = str(entry["message"])
        about_old = "oldSelf" in entry["rule"]
        if not (about_old and old is None) and not rules(at, message)(new, old):
            yield f"{at or '<nil>'}: Invalid value: {message}"
    if not isinstance(new, dict):
        return
    for field, part in schema.get("properties", {}).items():
        if field in new:
            before = old.get(field) if isinstance(old, dict) else None
            yield from broken_rules(new[field], before, part, rules, _joined(at, field))

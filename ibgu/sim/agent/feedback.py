"""Reads status feedback: the values that a work's rules select from an object."""

from collections.abc import Iterable
from typing import Any

from msgspec import Struct

from ibgu.core.model.kinds import JsonObject
from ibgu.sim.jsonpath import PathError, find
from ibgu.sim.wire import FeedbackPath, FeedbackRule


class Feedback(Struct, frozen=True):
    """Feedback holds values in the order of their rules, and an error for each rule that could not
    be read."""

    values: list[JsonObject]
    errors: list[str]

    @property
    def message(self) -> str:
        errors = ", ".join(self.errors)
        if len(self.errors) > 1:
            errors = f"[{errors}]"
        return f"Sync status feedback failed with error {errors}" if errors else ""


def read_feedback(obj: JsonObject, rules: Iterable[FeedbackRule]) -> Feedback:
    values: list[JsonObject] = []
    errors: list[str] = []
    for path in (path for rule in rules for path in rule.json_paths):
        try:
            value = _read(obj, path)
        except PathError as error:
            errors.append(str(error))
            continue
        if value is not None:
            values.append({"name": path.name, "fieldValue": value})
    return Feedback(values, errors)


def _read(obj: JsonObject, path: FeedbackPath) -> JsonObject | None:
    """Returns the value; None if nothing is found; of several matches only the first. Raises
    PathError."""
    try:
        found = find(path.path, obj)
    except PathError as error:
        raise PathError(f"failed to find value for {path.name} with error: {error}") from None
    if not found or found[0] is None:
        return None
    return _typed(path.name, found[0])


def _typed(name: str, value: Any) -> JsonObject:
    match value:
        case bool():
            return {"type": "Boolean", "boolean": value}
        case int():
            return {"type": "Integer", "integer": value}
        case str():
            return {"type": "String", "string": value}
        case _:
            kinds = {float: "float64", list: "[]interface {}"}
            kind = kinds.get(type(value), "map[string]interface {}")
            raise PathError(f"the type {kind} of the value for {name} is not found")

"""Errors of an input, worded for a person: pydantic speaks to the author of the model."""

from collections.abc import Mapping
from typing import Any

_NOT = {
    "int_parsing": "is not a whole number",
    "int_type": "is not a whole number",
    "int_from_float": "is not a whole number",
    "float_parsing": "is no number",
    "float_type": "is no number",
    "bool_parsing": "is neither true nor false",
    "bool_type": "is neither true nor false",
}
_BOUNDS = {
    "greater_than_equal": ("ge", "is too small: at least {}"),
    "greater_than": ("gt", "is too small: more than {}"),
    "less_than_equal": ("le", "is too large: at most {}"),
    "less_than": ("lt", "is too large: less than {}"),
}


def sentence(error: Mapping[str, Any]) -> str:
    """Returns one of a ValidationError's `errors()` as a sentence that begins with the input."""
    kind, given = str(error["type"]), error.get("input")
    if kind in _NOT:
        return f"{given!r} {_NOT[kind]}"
    if kind in _BOUNDS:
        limit, template = _BOUNDS[kind]
        return f"{given} {template.format(error['ctx'][limit])}"
    if kind == "string_pattern_mismatch":
        return f"{given!r} is not one of those that are allowed"
    if kind in ("enum", "literal_error"):
        return f"{given!r} is not one of {error['ctx']['expected']}"
    return str(error["msg"]).removeprefix("Value error, ")

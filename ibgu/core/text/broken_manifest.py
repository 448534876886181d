"""Puts into plain words what is wrong with a manifest, by the text of a ValidationError."""

import re

_WRONG_TYPE = re.compile(r"Expected `(.+)`, got `(.+)`")
_MISSING = re.compile(r"Object missing required field `(.+)`")
_UNKNOWN = re.compile(r"Object contains unknown field `(.+)`")
_WRONG_VALUE = re.compile(r"Invalid enum value (.+)")
_TYPES = {
    "object": "an object",
    "array": "a list",
    "str": "a text",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "null": "nothing",
}


def broken_manifest(error: str, values: tuple[str, ...] = ()) -> str:
    """Returns the rule that a manifest breaks, after the field. `values`: those that the field may
    have, if these are few."""
    what, where = split(error)
    if found := _WRONG_TYPE.fullmatch(what):
        wanted, given = (_types(each) for each in found.groups())
        what = f"must be {_one_of(values) or wanted}, not {given}"
    elif found := _MISSING.fullmatch(what):
        what = f"lacks {found[1]}"
    elif found := _UNKNOWN.fullmatch(what):
        what = f"has no field {found[1]}"
    elif (found := _WRONG_VALUE.fullmatch(what)) and values:
        what = f"must be {_one_of(values)}, not {found[1]}"
    return f"{where} {what}" if where else what


def split(error: str) -> tuple[str, str]:
    """Returns the error, and the path of the field; empty: it names none."""
    what, _, where = error.partition(" - at `$.")
    return what, where.rstrip("`")


def _one_of(values: tuple[str, ...]) -> str:
    return f"one of {', '.join(values)}" if len(values) > 1 else "".join(values)


def _types(names: str) -> str:
    return " or ".join(_TYPES.get(each, each) for each in names.split(" | "))

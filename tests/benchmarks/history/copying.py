"""Rows as COPY reads them, and lines that are filled in many times."""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Table

_ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})
_PLACE = re.compile(r"@(\w+)@")


def columns(table: Table) -> list[str]:
    return [column.name for column in table.columns if not column.computed]


def template(table: Table, row: Mapping[str, Any], marks: Mapping[str, str]) -> str:
    """A line for `%`: what stands in the row as @name@, or as a mark of it, is filled in."""
    line = "\t".join(_text(row[name]) for name in columns(table)) + "\n"
    line = line.replace("%", "%%")
    for mark, place in marks.items():
        line = line.replace(mark, place)
    return _PLACE.sub(r"%(\1)s", line)


def _text(value: Any) -> str:
    match value:
        case None:
            return r"\N"
        case bool():
            return "t" if value else "f"
        case str():
            return value.translate(_ESCAPES)
        case datetime():
            return value.isoformat()
        case dict() | list() | tuple():
            return msgspec.json.encode(value).decode().translate(_ESCAPES)
    return str(value)

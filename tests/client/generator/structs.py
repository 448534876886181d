"""ibgu/client/responses.py: a struct for each schema of what the client sends or gets."""

from collections.abc import Iterator
from textwrap import indent

from tests.client.generator.document import Schema
from tests.client.generator.naming import snake
from tests.client.generator.types import Types

_HEAD = '''\
"""Declares what the REST API takes and returns: one struct per schema of /openapi.json.

`make client` generates this module.

The first field of a response is required: what lacks it is no answer of ibgu's. The others have a
default where their type has a value that says nothing, as an older server may not send them. Names
that the server takes from a list (states, causes, reasons) are plain strings: newer servers may
know more of them.
"""

from datetime import datetime
from typing import Any

from msgspec import field

from ibgu.client.base import Response
'''


def module(types: Types) -> str:
    return "\n\n".join((_HEAD, *(_struct(types, name) for name in types.structs)))


def _struct(types: Types, name: str) -> str:
    schema = types.schema({"$ref": f"/{name}"})
    lines = [f"class {types.class_name(name)}(Response, frozen=True, kw_only=True):"]
    if text := schema.get("description"):
        end = "\n" if "\n" in text else ""
        lines += [indent(f'"""{text}{end}"""', "    "), ""]
    fields = _requested(types, schema) if types.is_sent(name) else _returned(types, schema)
    return "\n".join((*lines, *(f"    {each}" for each in fields))) + "\n"


def _requested(types: Types, schema: Schema) -> Iterator[str]:
    """Yields the fields, with the defaults that the server has."""
    for name, value in schema["properties"].items():
        default = "" if name in schema.get("required", ()) else types.default(value)
        yield _field(types, name, value, default)


def _returned(types: Types, schema: Schema) -> Iterator[str]:
    required = schema.get("required", ())
    first = next((name for name in schema["properties"] if name in required), "")
    for name, value in schema["properties"].items():
        yield _field(types, name, value, "" if name == first else types.default(value))


def _field(types: Types, name: str, schema: Schema, default: str) -> str:
    told = f"{snake(name)}: {types.annotation(schema)}"
    return f"{told} = {default}" if default else told

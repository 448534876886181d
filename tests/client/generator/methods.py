"""ibgu/client/routes.py: a method for each operation of the REST API."""

import re
from collections.abc import Collection, Iterator
from textwrap import fill

from tests.client.generator.document import Operation, Schema, operations, without_null
from tests.client.generator.naming import snake
from tests.client.generator.types import Types

_HEAD = '''\
"""Offers one method per route of the REST API.

`make client` generates this module.
"""

from collections.abc import Collection, Iterable, Iterator

import msgspec

from ibgu.client.responses import (
{imports}
)
from ibgu.client.sse import messages
from ibgu.client.wire import Wire


class Routes:
    """Routes raises RestError from every method; iterators raise it while they are read."""

    _wire: Wire
'''
_TAIL = """

def _events(lines: Iterable[str]) -> Iterator[EventResponse]:
    for message in messages(lines):
        if message.event == "event":
            yield msgspec.json.decode(message.data, type=EventResponse)
"""
_PAGES = frozenset({"limit", "cursor"})
"""Inputs that an iterator gives by itself."""
_WIDTH = 92
"""Characters of a docstring's line, below its indentation."""


def module(document: Schema, types: Types) -> str:
    methods = [text for each in operations(document) for text in _methods(each, types)]
    used = sorted(set(re.findall(r"\w+(?:Response|Request)\b", "".join(methods))), key=str.casefold)
    imports = "\n".join(f"    {name}," for name in used)
    return "\n".join((_HEAD.replace("{imports}", imports), *methods, _TAIL))


def _methods(operation: Operation, types: Types) -> Iterator[str]:
    yield _method(operation, types)
    if operation.beside_items:
        yield _first_page(operation, types)


def _method(operation: Operation, types: Types) -> str:
    item, paged = types.item(operation)
    kind = types.annotation(item)
    streamed = operation.answer is None
    returned = f"Iterator[{kind}]" if paged or streamed else kind
    beside = operation.beside_items
    query = [each for each in operation.inputs if _is_asked(each, _PAGES | beside)]
    given = ", ".join(_sent(operation, query))
    match operation.method, paged, streamed:
        case "get", False, True:
            call = f"_events(self._wire.lines({given}))"
        case "get", True, _:
            call = f"self._wire.pages({kind}, {given})"
        case method, _, _:
            call = f"self._wire.{method}({kind}, {given})"
    return f"""
    def {operation.spec["operationId"]}({", ".join(_taken(operation, query, types))}) -> {returned}:
        {_told(operation)}
        return {call}
"""


def _first_page(operation: Operation, types: Types) -> str:
    """Returns the method for a page as it is: what stands beside its items is of its moment."""
    assert operation.answer
    query = [each for each in operation.inputs if _is_asked(each, {"cursor"})]
    kind, given = types.annotation(operation.answer), ", ".join(_sent(operation, query))
    taken = ", ".join(_taken(operation, query, types))
    return f"""
    def {operation.spec["operationId"]}_page({taken}) -> {kind}:
        {_told(operation, "; the first page, with what stands beside its items")}
        return self._wire.get({kind}, {given})
"""


def _is_asked(given: Schema, other: Collection[str]) -> bool:
    return given["in"] == "query" and given["name"] not in other


def _told(operation: Operation, more: str = "") -> str:
    summary = operation.spec["summary"]
    words = (summary if summary[1].isupper() else summary[0].lower() + summary[1:]) + more
    text = f'"""Requests `{operation.method.upper()} {operation.path}`: {words}."""'
    return fill(text, _WIDTH, subsequent_indent=" " * 8, break_on_hyphens=False)


def _taken(operation: Operation, query: list[Schema], types: Types) -> Iterator[str]:
    yield "self"
    yield from (f"{name}: str" for name in re.findall(r"\{(\w+)\}", operation.path))
    if operation.body:
        body, optional = without_null(operation.body)
        yield f"body: {types.annotation(body)}" + (" | None = None" if optional else "")
    if query:
        yield "*"
    for each in query:
        yield f"{snake(each['name'])}: {_input(each['schema'], types)} | None = None"


def _input(schema: Schema, types: Types) -> str:
    kind = types.annotation(without_null(schema)[0])
    return re.sub(r"^tuple\[(.+), \.\.\.\]$", r"Collection[\1]", kind)


def _sent(operation: Operation, query: list[Schema]) -> Iterator[str]:
    for part in operation.path.split("/"):
        yield part[1:-1] if part.startswith("{") else f'"{part}"'
    if operation.body:
        yield "body=body"
    for each in query:
        yield f"{each['name']}={snake(each['name'])}"

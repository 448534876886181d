"""The client's structs and methods say the same as the OpenAPI document of the API."""

from collections.abc import Callable, Coroutine, Iterator
from typing import Any, cast

import msgspec
import pytest
from msgspec import inspect
from pydantic.alias_generators import to_camel

from ibgu.api.app import create_app
from ibgu.api.context import Context, Probes
from tests.client.recording import Request, requests

PAGED = frozenset({"limit", "cursor"})
"""What the client gives by itself."""
BESIDE_PAGES = frozenset({"needsPerson"})
"""What stands beside a page is for screens: the client hands out items, and has `summary`."""


async def _fine() -> None:
    return None


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    journal: Callable[[], Coroutine[Any, Any, str | None]] = _fine
    context = Context("hub", cast(Any, None), cast(Any, None), Probes(journal))
    return create_app(context).openapi()


def operations(document: dict[str, Any]) -> dict[tuple[str, str], Any]:
    return {
        (method.upper(), path): operation
        for path, item in document["paths"].items()
        if path.startswith("/api/v1")
        for method, operation in item.items()
    }


def test_every_route_has_a_method(document: dict[str, Any]) -> None:
    asked = [(request.method, request.path) for request in requests()]
    assert sorted(asked) == sorted(operations(document))


@pytest.mark.parametrize(
    "request_", list(requests()), ids=lambda each: f"{each.method} {each.path}"
)
def test_a_method_gives_what_the_route_answers(request_: Request, document: dict[str, Any]) -> None:
    operation = operations(document)[request_.method, request_.path]
    taken = {p["name"] for p in operation.get("parameters", ()) if p["in"] == "query"}
    assert {to_camel(name) for name in request_.query} == taken - PAGED - BESIDE_PAGES - unused(
        request_
    )
    if request_.answer is None:
        return
    answered = next(v for code, v in operation["responses"].items() if code.startswith("2"))
    schema = resolved(answered["content"]["application/json"]["schema"], document)
    if "nextCursor" in schema["properties"]:
        schema = schema["properties"]["items"]["items"]
    assert list(differences(request_.answer.__name__, schema, request_.answer, document)) == []


def unused(request: Request) -> frozenset[str]:
    """Only the newest of a name can be changed."""
    return frozenset({"uid"}) if request.method == "POST" else frozenset()


def resolved(schema: dict[str, Any], document: dict[str, Any]) -> dict[str, Any]:
    while "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        schema = document["components"]["schemas"][name]
    return schema


def differences(
    where: str, schema: dict[str, Any], twin: Any, document: dict[str, Any]
) -> Iterator[str]:
    """Fields that one of both lacks, or that hold something else."""
    yield from _differ(where, schema, inspect.type_info(twin), document)


def _differ(
    where: str, schema: dict[str, Any], twin: inspect.Type, document: dict[str, Any]
) -> Iterator[str]:
    schema = resolved(schema, document)
    if "anyOf" in schema:
        yield from _nullable(where, schema["anyOf"], twin, document)
        return
    match twin:
        case inspect.UnionType(includes_none=True, types=types):
            # None also says that an older server does not send the field.
            yield from _differ(where, schema, _present(types), document)
        case inspect.StructType(fields=fields):
            theirs = schema.get("properties", {})
            ours = {field.encode_name: field.type for field in fields}
            if theirs.keys() != ours.keys():
                yield f"{where}: {sorted(theirs.keys() ^ ours.keys())}"
            for name in theirs.keys() & ours.keys():
                yield from _differ(f"{where}.{name}", theirs[name], ours[name], document)
        case inspect.VarTupleType(item_type=item) | inspect.ListType(item_type=item):
            if schema.get("type") != "array":
                yield f"{where}: no list"
                return
            yield from _differ(f"{where}[]", schema["items"], item, document)
        case inspect.DictType(value_type=value):
            if schema.get("type") != "object":
                yield f"{where}: no object"
            elif isinstance(inner := schema.get("additionalProperties"), dict) and inner:
                yield from _differ(f"{where}{{}}", inner, value, document)
        case _:
            if _word(schema) is not type(twin):
                yield f"{where}: {schema} is no {type(twin).__name__}"


def _nullable(
    where: str, choices: list[dict[str, Any]], twin: inspect.Type, document: dict[str, Any]
) -> Iterator[str]:
    rest = [choice for choice in choices if choice != {"type": "null"}]
    if len(rest) != 1 or not isinstance(twin, inspect.UnionType) or not twin.includes_none:
        yield f"{where}: {choices} is not what {twin} holds"
        return
    yield from _differ(where, rest[0], _present(twin.types), document)


def _present(types: tuple[inspect.Type, ...]) -> inspect.Type:
    return next(each for each in types if not isinstance(each, inspect.NoneType))


def _word(schema: dict[str, Any]) -> type[inspect.Type] | None:
    if not schema or set(schema) <= {"title", "description"}:
        return inspect.AnyType
    if schema.get("format") == "date-time":
        return inspect.DateTimeType
    return _WORDS.get(schema.get("type", ""))


_WORDS: dict[str, type[inspect.Type]] = {
    "string": inspect.StrType,
    "integer": inspect.IntType,
    "number": inspect.FloatType,
    "boolean": inspect.BoolType,
}


class Wrong(msgspec.Struct, rename="camel"):
    a_name: int
    more: int | None
    extra: bool


def test_differences_are_found() -> None:
    schema = {"properties": {"aName": {"type": "string"}, "more": {"type": "string"}}}
    found = {each.partition(":")[0] for each in differences("Wrong", schema, Wrong, {})}
    assert found == {"Wrong", "Wrong.aName", "Wrong.more"}
